//! What is answered.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use object_store::ObjectStoreExt as _;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use query_engine::{Error, Parameter, SnapshotRead};

use crate::fixture::{Lake, name};

/// The labour statistics that the repository carries, from where cargo runs the tests of a package.
const OEWS: &str = "../../data/oews/oews_2025_staffing_metro_detailed.parquet";

fn people() -> RecordBatch {
    let ids = Int64Array::from(vec![1, 2, 3]);
    let zips = StringArray::from(vec![Some("00123"), Some("90210"), None]);
    RecordBatch::try_from_iter_with_nullable(vec![
        ("id", Arc::new(ids) as _, false),
        ("zip", Arc::new(zips) as _, true),
    ])
    .unwrap()
}

#[tokio::test]
async fn rows_come_back_as_they_were_written() {
    let lake = Lake::new();
    lake.append("hr.people", &people()).await;
    let shown = lake.shown("SELECT id, zip FROM hr.people ORDER BY id").await;
    assert!(shown.contains("| 1  | 00123 |") && shown.contains("| 3  |       |"), "{shown}");
}

#[tokio::test]
async fn condition_of_an_aggregate_that_is_null_counts_for_nothing() {
    let lake = Lake::new();
    let groups = StringArray::from(vec!["a", "a", "a", "b"]);
    // In memory, a null is a zero, which is less than ten.
    let values = Int64Array::from(vec![Some(5), None, Some(50), None]);
    let rows = [("g", Arc::new(groups) as _, false), ("x", Arc::new(values) as _, true)];
    lake.append("hr.rows", &RecordBatch::try_from_iter_with_nullable(rows).unwrap()).await;
    let counts = "count(*) FILTER (WHERE x < 10) AS few, count(*) FILTER (WHERE NOT x < 10) AS many";
    let shown = lake.shown(&format!("SELECT g, {counts} FROM hr.rows GROUP BY g ORDER BY g")).await;
    assert!(shown.contains("| a | 1   | 1    |") && shown.contains("| b | 0   | 0    |"), "{shown}");
}

#[tokio::test]
async fn appended_rows_are_seen_and_the_snapshot_read_is_named() {
    let lake = Lake::new();
    lake.append("hr.people", &people()).await;
    lake.append("hr.people", &people()).await;
    let rows = lake.query("SELECT count(*), sum(p.id) FROM lakehouse.hr.people p").await.unwrap();
    let snapshot_id = lake.version("hr.people").metadata.current_snapshot_id();
    assert_eq!(rows.snapshots, [SnapshotRead { table: name("hr.people"), snapshot_id }]);
    assert_eq!(rows.batches[0].column(0).as_ref(), &Int64Array::from(vec![6]));
    assert_eq!(rows.batches[0].column(1).as_ref(), &Int64Array::from(vec![12]));
}

#[tokio::test]
async fn file_is_not_opened_when_its_bounds_exclude_the_filter() {
    let lake = Lake::new();
    lake.append("hr.people", &people()).await;
    let others = Int64Array::from(vec![100, 101]);
    let others = RecordBatch::try_from_iter([("id", Arc::new(others) as _)]).unwrap();
    lake.append("hr.people", &others).await;
    // Whoever opens the file of the others fails.
    let files = lake::data_files(&lake.warehouse, &lake.version("hr.people").metadata, None).await.unwrap();
    let of_others = files.iter().find(|file| file.record_count == 2).unwrap();
    lake.warehouse.store().delete(&of_others.path).await.unwrap();
    let rows = lake.query("SELECT id FROM hr.people WHERE id < 100 AND zip < '9'").await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(lake.query("SELECT id FROM hr.people WHERE id < 101").await.is_err());
}

#[tokio::test]
async fn empty_result_keeps_its_columns() {
    let lake = Lake::new();
    lake.append("hr.people", &people()).await;
    lake.create("hr.nobody", &people().schema());
    for table in ["hr.people", "hr.nobody"] {
        let rows = lake.query(&format!("SELECT id, zip FROM {table} WHERE id > 99")).await.unwrap();
        assert!(rows.is_empty());
        assert_eq!(rows.schema.fields().len(), 2, "{table}");
    }
}

#[tokio::test]
async fn column_that_was_added_later_is_null_in_older_files() {
    let lake = Lake::new();
    lake.append("hr.people", &people()).await;
    let current = lake.version("hr.people");
    let wider = Schema::new(
        people()
            .schema()
            .fields()
            .iter()
            .cloned()
            .chain([Arc::new(Field::new("shift", DataType::Utf8, true))])
            .collect::<Vec<_>>(),
    );
    let schema = lake::iceberg_schema(&wider).unwrap();
    let updates =
        vec![lake::TableUpdate::AddSchema { schema }, lake::TableUpdate::SetCurrentSchema { schema_id: -1 }];
    lake.replace("hr.people", lake::commit(&lake.warehouse, &current, &[], updates).unwrap());
    let shown = lake.shown("SELECT count(*) AS n FROM hr.people WHERE shift IS NULL AND id >= 2").await;
    assert!(shown.contains("| 2 |"), "{shown}");
}

#[tokio::test]
async fn parameters_stand_for_values_of_every_kind() {
    let lake = Lake::new();
    lake.append("hr.people", &people()).await;
    let sql = "SELECT id FROM hr.people WHERE zip = $1 AND id < $2 AND $3 AND $4 > 0.5 AND $5 IS NULL";
    let parameters = vec![
        Parameter::Text("00123".into()),
        Parameter::Integer(5),
        Parameter::Boolean(true),
        Parameter::Float(0.75),
        Parameter::Null,
    ];
    assert_eq!(lake.query_with(sql, parameters).await.unwrap().len(), 1);
}

#[tokio::test]
async fn parameter_is_never_read_as_sql() {
    let lake = Lake::new();
    lake.append("hr.people", &people()).await;
    let hostile = Parameter::Text("x' OR '1'='1".into());
    assert_eq!(
        lake.query_with("SELECT id FROM hr.people WHERE zip = $1", vec![hostile]).await.unwrap().len(),
        0
    );
}

#[tokio::test]
async fn parameters_must_be_those_that_the_statement_uses() {
    let lake = Lake::new();
    let one = || vec![Parameter::Integer(1)];
    for (sql, parameters) in
        [("SELECT $1 + $2", one()), ("SELECT 1", one()), ("SELECT $2", one()), ("SELECT $1", vec![])]
    {
        let error = lake.query_with(sql, parameters).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn common_table_expressions_and_table_functions_are_no_tables_of_the_catalogue() {
    let lake = Lake::new();
    let shown = lake
        .shown("WITH people AS (SELECT * FROM generate_series(1, 4)) SELECT count(*) AS n FROM people")
        .await;
    assert!(shown.contains("| 4 |"), "{shown}");
}

#[tokio::test]
async fn labour_statistics_answer_a_real_question() {
    let lake = Lake::new();
    let file = std::fs::File::open(OEWS).unwrap();
    let mut total = 0;
    for batch in
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(32_768).build().unwrap()
    {
        let batch = batch.unwrap();
        total += batch.num_rows();
        lake.append("bls.oews", &batch).await;
    }
    assert_eq!(total, 67_809);
    let counted = lake.query("SELECT count(*) FROM bls.oews").await.unwrap();
    assert_eq!(counted.batches[0].column(0).as_ref(), &Int64Array::from(vec![67_809]));
    let columns = lake.version("bls.oews").metadata.current_schema().as_struct().fields().len();
    let some = lake.query("SELECT * FROM bls.oews LIMIT 7").await.unwrap();
    assert_eq!((some.len(), some.schema.fields().len()), (7, columns));
}

#[tokio::test]
async fn now_is_one_moment_of_the_statement_and_the_right_one() {
    let lake = Lake::new();
    let shown =
        lake.shown("SELECT now() = now() AND current_date() = today() AND current_time() IS NOT NULL").await;
    assert_eq!(shown.lines().nth(3).unwrap().trim_matches(['|', ' ']), "true");
    let before = jiff::Timestamp::now().as_second();
    let shown = lake.shown("SELECT CAST(floor(extract(epoch FROM now())) AS BIGINT)").await;
    let told: i64 = shown.lines().nth(3).unwrap().trim_matches(['|', ' ']).parse().unwrap();
    assert!((before..=jiff::Timestamp::now().as_second()).contains(&told), "{told} is not {before}");
}
