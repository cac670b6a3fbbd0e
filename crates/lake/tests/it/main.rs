//! Tables from rows to files and back, on a local warehouse.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod changes;
mod commits;
mod rows;
mod upserts;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use lake::rest::CreateTable;
use lake::{TableMetadata, TableWriter, VersionedMetadata, Warehouse};
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// A warehouse in a folder of its own, and a table in it with the columns `id` and `name`.
struct Fixture {
    _dir: TempDir,
    warehouse: Warehouse,
    table: VersionedMetadata,
}

impl Fixture {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let warehouse = Warehouse::open(&format!("file://{}", dir.path().join("lake").display())).unwrap();
        let schema = lake::iceberg_schema(&people_schema()).unwrap();
        let table = lake::create(&warehouse, &["hr".to_owned()], CreateTable::new("people", schema)).unwrap();
        lake::write_metadata(&warehouse, &table).await.unwrap();
        Self { _dir: dir, warehouse, table }
    }

    fn metadata(&self) -> &TableMetadata {
        &self.table.metadata
    }

    /// Writes rows `ids` as data files.
    async fn write(&self, ids: std::ops::Range<i64>) -> Vec<lake::DataFile> {
        let mut writer = TableWriter::new(&self.warehouse, self.metadata()).unwrap();
        writer.write(&people(ids)).await.unwrap();
        writer.finish().await.unwrap()
    }

    /// Does what a catalogue does with a change.
    async fn commit(&mut self, change: lake::TableChange) {
        let next = lake::commit(&self.warehouse, &self.table, &change.requirements, change.updates).unwrap();
        lake::write_metadata(&self.warehouse, &next).await.unwrap();
        self.table = lake::read_metadata(&self.warehouse, &next.location).await.unwrap();
        assert_eq!(self.table, next);
    }

    async fn append(&mut self, ids: std::ops::Range<i64>) {
        let files = self.write(ids).await;
        let change = lake::append(&self.warehouse, self.metadata(), files, HashMap::new()).await.unwrap();
        self.commit(change).await;
    }

    /// The ids of all rows at a snapshot, read from the planned files.
    async fn ids(&self, snapshot_id: Option<i64>) -> Vec<i64> {
        let mut ids = Vec::new();
        for file in lake::data_files(&self.warehouse, self.metadata(), snapshot_id).await.unwrap() {
            let bytes = self.warehouse.store().get(&file.path).await.unwrap().bytes().await.unwrap();
            assert_eq!(bytes.len() as u64, file.size_bytes);
            let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
            let before = ids.len();
            for batch in reader {
                let batch = batch.unwrap();
                let column =
                    batch.column_by_name("id").unwrap().as_any().downcast_ref::<Int64Array>().unwrap();
                ids.extend(column.values());
            }
            assert_eq!((ids.len() - before) as u64, file.record_count);
        }
        ids.sort_unstable();
        ids
    }

    /// All objects in the warehouse.
    async fn objects(&self) -> Vec<String> {
        let store = self.warehouse.store();
        let page = objects::list_page(&*store, "", None, usize::MAX).await.unwrap();
        page.objects.into_iter().map(|object| object.location.to_string()).collect()
    }
}

fn people_schema() -> Schema {
    Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)])
}

fn people(ids: std::ops::Range<i64>) -> RecordBatch {
    let names = StringArray::from_iter(ids.clone().map(|id| (id % 3 != 0).then(|| format!("0{id}"))));
    let ids = Int64Array::from_iter_values(ids);
    RecordBatch::try_new(Arc::new(people_schema()), vec![Arc::new(ids), Arc::new(names)]).unwrap()
}
