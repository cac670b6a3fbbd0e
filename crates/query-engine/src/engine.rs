//! Runs one query within its limits.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use futures::StreamExt;
use lake::Warehouse;

use crate::scan::STORE_URL;
use crate::tables::{CATALOG, Tables, resolve};
use crate::{DEFAULT_NAMESPACE, Error, Result, SnapshotRead, TableSource, optimizer, statement, views};

/// Up to so many bytes, or rows where bytes are not known, the side of a join that is built is built once for all threads.
/// DataFusion's own bounds are 1 MiB and 131,072 rows; beyond, it deals both sides out by hash, the large one too, which
/// costs more than it saves: docs/decisions/0035-sql-speed.md.
const COLLECTED_BUILD_BYTES: usize = 64 << 20;
const COLLECTED_BUILD_ROWS: usize = 3_000_000;

/// In how many parts `threads` threads do their work: a few more than threads, so that none waits long for the last part.
fn partitions(threads: usize) -> usize {
    threads + threads.div_ceil(2)
}

/// What one query may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory that all queries share for sorting, joining and grouping, bytes; beyond it they spill to `spill_dir`.
    pub memory_bytes: usize,
    /// Where queries spill to.
    pub spill_dir: PathBuf,
    /// The most that all queries spill together, bytes.
    pub spill_bytes: u64,
    /// The most rows that a query returns.
    pub max_rows: usize,
    /// The most bytes, in memory, that a query returns.
    pub max_result_bytes: usize,
    /// Threads that a query uses.
    pub threads: usize,
}

/// The value of a parameter, `$1` and so on.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// NULL.
    Null,
    /// A boolean.
    Boolean(bool),
    /// A 64-bit integer.
    Integer(i64),
    /// A 64-bit float.
    Float(f64),
    /// A text; compared with a date or a timestamp, it is read as one.
    Text(String),
}

impl From<Parameter> for ScalarValue {
    fn from(parameter: Parameter) -> Self {
        match parameter {
            Parameter::Null => Self::Null,
            Parameter::Boolean(value) => Self::Boolean(Some(value)),
            Parameter::Integer(value) => Self::Int64(Some(value)),
            Parameter::Float(value) => Self::Float64(Some(value)),
            Parameter::Text(value) => Self::Utf8(Some(value)),
        }
    }
}

/// The whole result of a query.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Names and types, also when there are no rows.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Which snapshots were read.
    pub snapshots: Vec<SnapshotRead>,
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Runs queries over the tables of one warehouse.
pub struct Engine {
    warehouse: Warehouse,
    state: SessionState,
    limits: Limits,
}

impl Engine {
    /// An engine over `warehouse`.
    ///
    /// # Errors
    /// [`Error::Engine`] when the folder for spilling cannot be used.
    pub fn new(warehouse: Warehouse, limits: Limits) -> Result<Self> {
        Self::with_settings(warehouse, limits, [])
    }

    /// The same with settings of DataFusion that differ from ours, by name: to measure what each brings.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::Invalid`] for a setting that there is not.
    pub fn with_settings<'a>(
        warehouse: Warehouse,
        limits: Limits,
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self> {
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![limits.spill_dir.clone()]))
            .with_max_temp_directory_size(limits.spill_bytes);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes)))
            .with_disk_manager_builder(disk)
            .build_arc()?;
        runtime.register_object_store(ObjectStoreUrl::parse(STORE_URL)?.as_ref(), warehouse.store());
        let config = SessionConfig::new()
            .with_target_partitions(partitions(limits.threads))
            .with_default_catalog_and_schema(CATALOG, DEFAULT_NAMESPACE)
            .with_create_default_catalog_and_schema(false);
        let builder =
            SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features();
        let mut builder = tuned(builder);
        for (name, value) in settings {
            builder.config().get_or_insert_default().options_mut().set(name, value)?;
        }
        let state = builder.build();
        Ok(Self { warehouse, state, limits })
    }

    /// Runs one statement that reads and returns all its rows. `timeout` bounds the run; dropping the future ends it.
    ///
    /// # Errors
    /// Any [`Error`]; [`Error::Limit`] rather than a part of the rows.
    pub async fn query(
        &self,
        source: &dyn TableSource,
        sql: &str,
        parameters: Vec<Parameter>,
        timeout: Duration,
    ) -> Result<Rows> {
        let run = async {
            let statement = statement::parse(sql)?;
            let references = self.tables_of(&statement)?;
            let Tables { catalogs, snapshots } = resolve(&self.warehouse, source, &references).await?;
            let mut state = SessionStateBuilder::new_from_existing(self.state.clone())
                .with_catalog_list(catalogs)
                .build();
            // One moment for all of the statement: now() is it.
            state.mark_start_execution();
            let plan = state.statement_to_plan(statement).await?;
            statement::check_reads_only(&plan)?;
            let plan = bind(plan, parameters)?;
            let plan = state.create_physical_plan(&plan).await?;
            let stream = execute_stream(plan, state.task_ctx())?;
            let (schema, batches) = self.collect(stream).await?;
            Ok(Rows { schema, batches, snapshots })
        };
        tokio::time::timeout(timeout, run).await.unwrap_or(Err(Error::Timeout(timeout)))
    }

    /// The tables that `statement` names; table functions (`generate_series`) are none.
    fn tables_of(&self, statement: &Statement) -> Result<Vec<datafusion::common::TableReference>> {
        let mut references = self.state.resolve_table_references(statement)?;
        references.retain(|reference| {
            reference.schema().is_some() || !self.state.table_functions().contains_key(reference.table())
        });
        Ok(references)
    }

    async fn collect(&self, mut stream: SendableRecordBatchStream) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let Limits { max_rows, max_result_bytes, .. } = self.limits;
        let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
        let schema = views::plain(&stream.schema());
        while let Some(batch) = stream.next().await.transpose()? {
            rows += batch.num_rows();
            bytes += batch.get_array_memory_size();
            if rows > max_rows {
                return Err(Error::Limit(format!(
                    "the result has more than {max_rows} rows: add a LIMIT or aggregate"
                )));
            }
            if bytes > max_result_bytes {
                return Err(Error::Limit(format!(
                    "the result has more than {max_result_bytes} bytes: add a LIMIT or select fewer columns"
                )));
            }
            batches.push(views::to_plain(&batch, &schema).map_err(DataFusionError::from)?);
        }
        Ok((schema, batches))
    }
}

/// Adds our settings and our rules of optimisation. Public for what runs DataFusion's own tests with them, on sessions of
/// its own.
#[must_use]
pub fn tuned(mut builder: SessionStateBuilder) -> SessionStateBuilder {
    let optimizer = &mut builder.config().get_or_insert_default().options_mut().optimizer;
    optimizer.hash_join_single_partition_threshold = COLLECTED_BUILD_BYTES;
    optimizer.hash_join_single_partition_threshold_rows = COLLECTED_BUILD_ROWS;
    builder
        .with_optimizer_rules(optimizer::rules())
        .with_physical_optimizer_rule(Arc::new(optimizer::YieldingJoins))
        .with_query_planner(Arc::new(optimizer::Planner))
}

/// Puts the values of `$1`, `$2`, … into the plan.
fn bind(plan: LogicalPlan, parameters: Vec<Parameter>) -> Result<LogicalPlan> {
    let used = plan.get_parameter_names()?;
    let given = parameters.len();
    let is_given = |name: &String| {
        name.strip_prefix('$').and_then(|n| n.parse::<usize>().ok()).is_some_and(|n| (1..=given).contains(&n))
    };
    if used.len() != given || !used.iter().all(is_given) {
        let mut used: Vec<_> = used.into_iter().collect();
        used.sort();
        let used = if used.is_empty() { "none".to_owned() } else { used.join(", ") };
        return Err(Error::Invalid(format!("{given} parameters are given, the statement uses {used}")));
    }
    if given == 0 {
        return Ok(plan);
    }
    let values: Vec<ScalarValue> = parameters.into_iter().map(ScalarValue::from).collect();
    Ok(plan.with_param_values(ParamValues::from(values))?)
}
