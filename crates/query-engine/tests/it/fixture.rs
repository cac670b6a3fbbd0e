//! A warehouse with tables, and an engine over it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::util::pretty::pretty_format_batches;
use async_trait::async_trait;
use lake::rest::CreateTable;
use lake::{TableMetadata, TableWriter, VersionedMetadata, Warehouse};
use query_engine::{Engine, Limits, Parameter, Result, Rows, TableName, TableSource};
use tempfile::TempDir;

pub(crate) struct Lake {
    folder: TempDir,
    pub(crate) warehouse: Warehouse,
    tables: Mutex<HashMap<TableName, VersionedMetadata>>,
}

pub(crate) fn name(text: &str) -> TableName {
    let (namespace, name) = text.split_once('.').unwrap();
    TableName { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// Rows as a table drawn in text.
pub(crate) fn drawn(rows: &Rows) -> String {
    pretty_format_batches(&rows.batches).unwrap().to_string()
}

impl Lake {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let warehouse =
            Warehouse::open(&format!("file://{}", folder.path().join("warehouse").display())).unwrap();
        Self { folder, warehouse, tables: Mutex::default() }
    }

    /// Makes the table `ns.t`, empty.
    pub(crate) fn create(&self, table: &str, schema: &Schema) {
        let table = name(table);
        let request = CreateTable::new(table.name.clone(), lake::iceberg_schema(schema).unwrap());
        let version = lake::create(&self.warehouse, std::slice::from_ref(&table.namespace), request).unwrap();
        self.tables.lock().unwrap().insert(table, version);
    }

    /// Makes the table `ns.t` of `batch`, or appends it.
    pub(crate) async fn append(&self, table: &str, batch: &RecordBatch) {
        if !self.tables.lock().unwrap().contains_key(&name(table)) {
            self.create(table, &batch.schema());
        }
        let current = self.version(table);
        let mut writer = TableWriter::new(&self.warehouse, &current.metadata).unwrap();
        writer.write(batch).await.unwrap();
        let files = writer.finish().await.unwrap();
        let change = lake::append(&self.warehouse, &current.metadata, files, HashMap::new()).await.unwrap();
        let next = lake::commit(&self.warehouse, &current, &change.requirements, change.updates).unwrap();
        self.tables.lock().unwrap().insert(name(table), next);
    }

    pub(crate) fn version(&self, table: &str) -> VersionedMetadata {
        self.tables.lock().unwrap()[&name(table)].clone()
    }

    pub(crate) fn replace(&self, table: &str, version: VersionedMetadata) {
        self.tables.lock().unwrap().insert(name(table), version);
    }

    pub(crate) fn engine_with(&self, change: impl FnOnce(&mut Limits)) -> Engine {
        let mut limits = self.limits();
        change(&mut limits);
        Engine::new(self.warehouse.clone(), limits).unwrap()
    }

    fn limits(&self) -> Limits {
        Limits {
            memory_bytes: 64 << 20,
            spill_dir: self.folder.path().join("spill"),
            spill_bytes: 64 << 20,
            max_rows: 100_000,
            max_result_bytes: 64 << 20,
            threads: 2,
        }
    }

    /// An engine with a setting of DataFusion that differs from ours.
    pub(crate) fn engine_with_setting(&self, name: &str, value: &str) -> Engine {
        Engine::with_settings(self.warehouse.clone(), self.limits(), [(name, value)]).unwrap()
    }

    /// What a query has left in the folder for spilling.
    pub(crate) fn spilled_files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.folder.path().join("spill")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }

    pub(crate) async fn query_with(&self, sql: &str, parameters: Vec<Parameter>) -> Result<Rows> {
        self.engine_with(|_| ()).query(self, sql, parameters, Duration::from_secs(60)).await
    }

    pub(crate) async fn query(&self, sql: &str) -> Result<Rows> {
        self.query_with(sql, Vec::new()).await
    }

    /// The rows as a table drawn in text.
    pub(crate) async fn shown(&self, sql: &str) -> String {
        drawn(&self.query(sql).await.unwrap())
    }
}

#[async_trait]
impl TableSource for Lake {
    async fn load(
        &self,
        table: &TableName,
    ) -> Result<Option<TableMetadata>, Box<dyn std::error::Error + Send + Sync>> {
        if table.namespace == "down" {
            return Err("the catalogue does not answer".into());
        }
        Ok(self.tables.lock().unwrap().get(table).map(|version| version.metadata.clone()))
    }

    async fn list(&self) -> Result<Vec<TableName>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.tables.lock().unwrap().keys().cloned().collect())
    }
}
