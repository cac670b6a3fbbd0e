//! Index jobs: every row of a table embedded and put into a vector index, in the background.
//!
//! ```text
//! snapshot (pinned at submission) -> rows -> text by template -> embedd -> vectord, several batches at once
//! ```
//! Batches finish in order, and the ledger counts them as they do: a killed job goes on behind the last counted batch.
//! What was under way then is indexed twice, which an upsert makes harmless.

mod rows;
mod run;
mod store;
mod template;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use lake::{TableMetadata, Warehouse};
use ledger::Ledger;
use service::{ApiError, Env, ServiceToken};
use tokio::sync::Semaphore;
use uuid::Uuid;
use wire::context::Secret;
use wire::ingest::{IndexJob, IndexJobRequest};
use wire::names::check_name;
use wire::{CallContext, ErrorCode};

pub(crate) use store::MIGRATION;

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::load::warehouse_error;
use crate::reader::unknown_column;
use crate::table_name::TableName;
use store::{Store, StoredJob};
use template::Template;

/// Under this name `/readyz` says that jobs do not outlive the process.
const CONDITION: &str = "index jobs";
/// Why they do not.
const NO_TOKEN: &str =
    "index jobs do not go on after a restart: name a token in auth.service_token and start ingestd again";

/// Accepts jobs, runs them, knows where they stand.
#[derive(Clone)]
pub(crate) struct Jobs {
    env: Env,
    warehouse: Warehouse,
    catalogue: Arc<dyn Catalogue>,
    store: Store,
    turns: Arc<Semaphore>,
    config: Arc<Config>,
}

impl Jobs {
    /// Nothing runs yet: see [`resume`](Self::resume).
    pub(crate) fn new(
        env: Env,
        warehouse: Warehouse,
        catalogue: Arc<dyn Catalogue>,
        ledger: Ledger,
        config: Arc<Config>,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(config.max_jobs.max(1)));
        Self { env, warehouse, catalogue, store: Store::new(ledger), turns, config }
    }

    /// Goes on with the jobs that the last run of the daemon left unfinished, with the service token: the tokens that
    /// they were submitted with are gone. Where that one is missing too, they wait.
    ///
    /// # Errors
    /// Those of the ledger.
    pub(crate) async fn resume(&self) -> Result<(), ledger::Error> {
        let is_refused = self.env.service_token == ServiceToken::Missing;
        let unfinished = self.store.unfinished().await?;
        if is_refused {
            let reason = format!("{NO_TOKEN} ({} wait)", unfinished.len());
            self.env.readiness.degrade(CONDITION, reason);
        }
        for job in unfinished {
            if is_refused {
                self.store.wait(job.job_id, NO_TOKEN).await?;
                continue;
            }
            tracing::info!(job_id = job.job_id, done = job.done, total = job.total, "resume index job");
            self.spawn(job, self.env.service_token.secret());
        }
        Ok(())
    }

    /// Checks a request against its table, writes the job down and starts it. Durable on return.
    ///
    /// # Errors
    /// 400 for a column, template or name that is wrong, 404 for an unknown table, 422 for one without rows.
    pub(crate) async fn submit(
        &self,
        ctx: &CallContext,
        request: IndexJobRequest,
    ) -> Result<String, ApiError> {
        let table: TableName = request.table.parse().map_err(ApiError::invalid)?;
        check_name(&request.index).map_err(ApiError::invalid)?;
        let Some(metadata) = self.catalogue.load(ctx, &table).await? else {
            return Err(ApiError::not_found(format!("there is no table {table}")));
        };
        check_columns(&request, &metadata)?;
        let files = lake::data_files(&self.warehouse, &metadata, None).await.map_err(warehouse_error)?;
        let total = files.iter().map(|file| file.record_count).sum();
        let (Some(snapshot_id), 1..) = (metadata.current_snapshot_id(), total) else {
            return Err(ApiError::new(
                ErrorCode::Unprocessable,
                format!("the table {table} has no rows to index"),
            ));
        };
        let job_id = Uuid::now_v7().simple().to_string();
        let job = StoredJob { job_id: job_id.clone(), request, snapshot_id, done: 0, total };
        self.store.insert(&job).await.map_err(ApiError::internal)?;
        self.spawn(job, ctx.token.clone());
        Ok(job_id)
    }

    /// Where a job stands; none if there is no such job.
    ///
    /// # Errors
    /// Those of the ledger.
    pub(crate) async fn get(&self, job_id: String) -> Result<Option<IndexJob>, ledger::Error> {
        self.store.get(job_id).await
    }

    /// All jobs, newest first.
    ///
    /// # Errors
    /// Those of the ledger.
    pub(crate) async fn list(&self) -> Result<Vec<IndexJob>, ledger::Error> {
        self.store.list().await
    }

    /// Runs `job` when it is its turn, on behalf of the holder of `token`.
    fn spawn(&self, job: StoredJob, token: Option<Secret>) {
        let (jobs, shutdown) = (self.clone(), self.env.shutdown.clone());
        self.env.tasks.spawn(async move {
            // A job that is cut short by a shutdown stays `running` in the ledger, and is resumed.
            shutdown.run_until_cancelled(jobs.run_in_turn(job, token)).await;
        });
    }

    async fn run_in_turn(&self, job: StoredJob, token: Option<Secret>) {
        let Ok(_turn) = self.turns.acquire().await else { return };
        let (job_id, index) = (job.job_id.clone(), job.request.index.clone());
        let outcome = self.run(job, token).await;
        match &outcome {
            Ok(()) => tracing::info!(job_id, index, "index job succeeded"),
            Err(cause) => tracing::warn!(job_id, index, cause, "index job failed"),
        }
        if let Err(error) = self.store.finish(job_id.clone(), outcome.err()).await {
            tracing::error!(job_id, %error, "write down the end of an index job");
        }
    }
}

fn check_columns(request: &IndexJobRequest, metadata: &TableMetadata) -> Result<(), ApiError> {
    let schema = lake::arrow_schema(metadata).map_err(ApiError::internal)?;
    let template = Template::parse(&request.text_template).map_err(ApiError::invalid)?;
    let named =
        [request.id_column.as_str()].into_iter().chain(request.metadata_columns.iter().map(String::as_str));
    match named.chain(template.columns()).find(|name| schema.index_of(name).is_err()) {
        Some(name) => Err(ApiError::invalid(unknown_column(name, &schema))),
        None => Ok(()),
    }
}
