//! `query-engine` in this process: what queryd does, without HTTP and without asking the catalogue.

use std::collections::HashMap;
use std::error::Error;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context;
use arrow::array::RecordBatch;
use async_trait::async_trait;
use lake::{TableMetadata, Warehouse};
use query_engine::{DEFAULT_NAMESPACE, Limits, TableName, TableSource};
use serde::Serialize;

use crate::stack::{Means, Stack};

/// How long one query may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A setting of DataFusion that differs from ours: `datafusion.execution.batch_size=4096`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("a setting is NAME=VALUE")?;
        Ok(Self { name: name.to_owned(), value: value.to_owned() })
    }
}

/// An engine that knows the tables.
pub(crate) struct InProcess {
    engine: query_engine::Engine,
    tables: Tables,
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}

struct Tables(HashMap<&'static str, TableMetadata>);

#[async_trait]
impl TableSource for Tables {
    async fn load(&self, table: &TableName) -> Result<Option<TableMetadata>, Box<dyn Error + Send + Sync>> {
        Ok(self.0.get(table.name.as_str()).cloned())
    }

    async fn list(&self) -> Result<Vec<TableName>, Box<dyn Error + Send + Sync>> {
        let name =
            |name: &&str| TableName { namespace: DEFAULT_NAMESPACE.to_owned(), name: (*name).to_owned() };
        Ok(self.0.keys().map(name).collect())
    }
}

impl InProcess {
    /// An engine that has read nothing yet.
    pub(crate) fn open(stack: &Stack, means: Means, settings: &[Setting]) -> anyhow::Result<Self> {
        let limits = Limits {
            memory_bytes: means.memory_bytes,
            spill_dir: stack.spill("in-process")?,
            spill_bytes: u64::MAX,
            max_rows: usize::MAX,
            max_result_bytes: usize::MAX,
            threads: means.threads,
        };
        let settings = settings.iter().map(|setting| (setting.name.as_str(), setting.value.as_str()));
        let engine =
            query_engine::Engine::with_settings(Warehouse::open(&stack.warehouse_url())?, limits, settings)?;
        let tables = stack.tables.iter().map(|table| (table.name, table.metadata.clone())).collect();
        Ok(Self { engine, tables: Tables(tables) })
    }

    /// The seconds until all of the result is there, and the result.
    pub(crate) async fn query(&self, sql: &str) -> anyhow::Result<(f64, Vec<RecordBatch>)> {
        let began = Instant::now();
        let rows = self.engine.query(&self.tables, sql, Vec::new(), PATIENCE).await;
        let wall_s = began.elapsed().as_secs_f64();
        Ok((wall_s, rows.context("query-engine")?.batches))
    }
}
