use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Int16Array, RecordBatch,
    StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
use lake::rest::CreateTable;
use lake::{Error, TableWriter};
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{Fixture, people, people_schema};

#[tokio::test]
async fn appended_rows_are_the_rows_of_the_planned_files() {
    let mut table = Fixture::new().await;
    assert_eq!(table.ids(None).await, Vec::<i64>::new());
    table.append(0..1000).await;
    table.append(1000..1500).await;
    assert_eq!(table.ids(None).await, (0..1500).collect::<Vec<_>>());
}

#[tokio::test]
async fn files_carry_field_ids_null_counts_and_bounds() {
    let mut table = Fixture::new().await;
    table.append(10..40).await;
    let files = lake::data_files(&table.warehouse, table.metadata(), None).await.unwrap();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(file.data_file.null_value_counts()[&2], 10);
    assert_eq!(file.data_file.value_counts()[&1], 30);
    assert_eq!(file.data_file.lower_bounds()[&1].to_string(), "10");
    assert_eq!(file.data_file.upper_bounds()[&1].to_string(), "39");

    let bytes = table.warehouse.store().get(&file.path).await.unwrap().bytes().await.unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    let ids: Vec<&str> =
        reader.schema().fields().iter().map(|field| field.metadata()["PARQUET:field_id"].as_str()).collect();
    assert_eq!(ids, ["1", "2"]);
}

#[tokio::test]
async fn writer_rolls_to_a_new_file_at_the_target_size() {
    let table = Fixture::new().await;
    let writer = TableWriter::new(&table.warehouse, table.metadata()).unwrap();
    let mut writer = writer.with_target_file_bytes(1);
    for start in [0, 100, 200] {
        writer.write(&people(start..start + 100)).await.unwrap();
    }
    let files = writer.finish().await.unwrap();
    assert_eq!(files.iter().map(lake::DataFile::record_count).collect::<Vec<_>>(), [100, 100, 100]);
}

#[tokio::test]
async fn aborted_writer_leaves_no_file() {
    let table = Fixture::new().await;
    let before = table.objects().await;
    let writer = TableWriter::new(&table.warehouse, table.metadata()).unwrap();
    let mut writer = writer.with_target_file_bytes(1);
    writer.write(&people(0..10)).await.unwrap();
    writer.write(&people(10..20)).await.unwrap();
    assert!(table.objects().await.len() > before.len());
    writer.abort().await;
    assert_eq!(table.objects().await, before);
}

#[tokio::test]
async fn nothing_written_means_no_file() {
    let table = Fixture::new().await;
    let mut writer = TableWriter::new(&table.warehouse, table.metadata()).unwrap();
    writer.write(&people(0..0)).await.unwrap();
    assert!(writer.finish().await.unwrap().is_empty());
}

#[tokio::test]
async fn every_arrow_type_that_can_be_stored_comes_back_with_its_value() {
    let table = Fixture::new().await;
    let dictionary: DictionaryArray<Int32Type> = ["x", "y"].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("small", Arc::new(Int16Array::from(vec![-7, 7]))),
        ("huge", Arc::new(UInt64Array::from(vec![0, u64::MAX]))),
        ("ratio", Arc::new(Float32Array::from(vec![0.5, f32::NAN]))),
        ("pay", Arc::new(Decimal128Array::from(vec![1999, -1]).with_precision_and_scale(10, 2).unwrap())),
        ("day", Arc::new(Date32Array::from(vec![0, 20_000]))),
        ("at", Arc::new(TimestampNanosecondArray::from(vec![0, 1_000]).with_timezone("UTC"))),
        ("code", Arc::new(StringArray::from(vec!["00123", ""]))),
        ("kind", Arc::new(dictionary)),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let schema = lake::iceberg_schema(&batch.schema()).unwrap();
    let created =
        lake::create(&table.warehouse, &["x".to_owned()], CreateTable::new("types", schema)).unwrap();
    let mut writer = TableWriter::new(&table.warehouse, &created.metadata).unwrap();
    writer.write(&batch).await.unwrap();
    let files = writer.finish().await.unwrap();

    let path = table.warehouse.object_path(files[0].file_path()).unwrap();
    let bytes = table.warehouse.store().get(&path).await.unwrap().bytes().await.unwrap();
    let mut reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let read = reader.next().unwrap().unwrap();
    assert_eq!(read, lake::conform(&batch, &lake::arrow_schema(&created.metadata).unwrap()).unwrap());
    assert_eq!(read.column_by_name("huge").unwrap().data_type(), &DataType::Decimal128(20, 0));
    let text = read.column_by_name("code").unwrap();
    assert_eq!(text.as_any().downcast_ref::<StringArray>().unwrap().value(0), "00123");
}

#[test]
fn schema_without_an_iceberg_counterpart_names_the_trouble() {
    let interval = DataType::Duration(TimeUnit::Second);
    let schema = Schema::new(vec![Field::new("gap", interval, true)]);
    assert!(matches!(lake::iceberg_schema(&schema), Err(Error::Invalid(_))));
    let twice =
        Schema::new(vec![Field::new("a", DataType::Utf8, true), Field::new("a", DataType::Utf8, true)]);
    assert!(matches!(lake::iceberg_schema(&twice), Err(Error::Invalid(text)) if text.contains('a')));
    assert_eq!(lake::iceberg_schema(&people_schema()).unwrap().highest_field_id(), 2);
}
