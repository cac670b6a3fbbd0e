//! Index jobs: the rows of a table embedded and put into a vector index, in the background.
//!
//! ```text
//! table's snapshot -> rows that differ from what is indexed -> text by template -> embedd -> vectord
//! ```
//! A job is one passage of that (`round.rs`), or, if it follows its table, one after every commit (`follow.rs`). What an
//! index holds of a table is kept row by row (`sources.rs`), so that nothing is embedded twice and what is gone leaves.

mod follow;
mod peers;
mod round;
mod rows;
mod scan;
mod sources;
mod store;
mod template;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use lake::{TableMetadata, Warehouse};
use ledger::Ledger;
use parking_lot::Mutex;
use service::{ApiError, Env, ServiceToken};
use tokio::sync::{Notify, Semaphore, watch};
use uuid::Uuid;
use wire::context::Secret;
use wire::ingest::{IndexJob, IndexJobRequest};
use wire::names::check_name;
use wire::{CallContext, ErrorCode};

pub(crate) use store::{MIGRATION, MIGRATION_FOLLOWING};

use crate::catalogue::Catalogue;
use crate::config::Config;
use crate::load::warehouse_error;
use crate::reader::unknown_column;
use crate::table_name::TableName;
use follow::ActiveJobs;
use store::{Round, Store, StoredJob};
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
    active: ActiveJobs,
    turns: Arc<Semaphore>,
    /// One round at a time for each index.
    indexes: Arc<Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>>,
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
        let (store, active, indexes) = (Store::new(ledger), ActiveJobs::default(), Arc::default());
        Self { env, warehouse, catalogue, store, active, turns, indexes, config }
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
            tracing::info!(
                job_id = job.job_id,
                done = job.round.done,
                total = job.round.total,
                "resume index job"
            );
            self.spawn(job, self.env.service_token.secret(), true);
        }
        Ok(())
    }

    /// Checks a request against its table, writes the job down and starts it. Durable on return. A job that follows takes
    /// the place of one that follows the same table for the same index.
    ///
    /// # Errors
    /// 400 for a column, template or name that is wrong, 404 for an unknown table, 409 if another job keeps the index in
    /// another way, 422 for a table without rows that is not followed and was never indexed, 429 if too many are followed.
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
        let total = self.rows_to_index(&request, &metadata).await?;
        let superseded = self.followers(&request).await?;
        let job_id = Uuid::now_v7().simple().to_string();
        let round = Round { total, ..Round::default() };
        let job = StoredJob { job_id: job_id.clone(), request, round };
        self.store.insert(&job, superseded.clone()).await.map_err(ApiError::internal)?;
        superseded.iter().for_each(|old| self.active.cancel(old));
        self.spawn(job, ctx.token.clone(), false);
        Ok(job_id)
    }

    /// The rows of the table, if there is anything to do.
    async fn rows_to_index(
        &self,
        request: &IndexJobRequest,
        metadata: &TableMetadata,
    ) -> Result<u64, ApiError> {
        let files = lake::data_files(&self.warehouse, metadata, None).await.map_err(warehouse_error)?;
        let total = files.iter().map(|file| file.record_count).sum();
        let (table, index) = (request.table.clone(), request.index.clone());
        if total == 0
            && !request.follow
            && !self.store.has_source(table, index).await.map_err(ApiError::internal)?
        {
            let detail = format!("the table {} has no rows to index", request.table);
            return Err(ApiError::new(ErrorCode::Unprocessable, detail));
        }
        Ok(total)
    }

    /// The jobs that follow the table for the index, and that `request` ends.
    async fn followers(&self, request: &IndexJobRequest) -> Result<Vec<String>, ApiError> {
        let unfinished = self.store.unfinished().await.map_err(ApiError::internal)?;
        let followed: Vec<StoredJob> = unfinished.into_iter().filter(|job| job.request.follow).collect();
        let count = followed.len();
        let is_same =
            |job: &&StoredJob| job.request.table == request.table && job.request.index == request.index;
        let same: Vec<&StoredJob> = followed.iter().filter(is_same).collect();
        if request.follow {
            if count - same.len() >= self.config.max_followed {
                let detail = format!("ingestd.max_followed = {count} index jobs follow their tables already");
                return Err(ApiError::new(ErrorCode::Overloaded, detail));
            }
            return Ok(same.into_iter().map(|job| job.job_id.clone()).collect());
        }
        let as_once = |other: &IndexJobRequest| IndexJobRequest { follow: false, ..other.clone() };
        match same.iter().find(|job| as_once(&job.request) != *request) {
            Some(StoredJob { job_id, .. }) => Err(ApiError::new(
                ErrorCode::Conflict,
                format!(
                    "index job {job_id} keeps {:?} up to date with another template or other columns; \
                     end it with DELETE /index-jobs/{job_id}, or follow with this one",
                    request.index
                ),
            )),
            None => Ok(Vec::new()),
        }
    }

    /// Ends a job where it stands; what it has indexed stays. Durable on return. Whether there is such a job.
    ///
    /// # Errors
    /// Those of the ledger.
    pub(crate) async fn cancel(&self, job_id: &str) -> Result<bool, ledger::Error> {
        self.store.cancel(job_id.to_owned()).await?;
        self.active.cancel(job_id);
        Ok(self.store.get(job_id.to_owned()).await?.is_some())
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

    /// Tells of every change of any job.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.store.changes()
    }

    /// Runs `job` on behalf of the holder of `token`.
    fn spawn(&self, job: StoredJob, token: Option<Secret>, is_resumed: bool) {
        let active = self.active.insert(&job, self.env.shutdown.child_token());
        let jobs = self.clone();
        self.env.tasks.spawn(async move {
            let job_id = job.job_id.clone();
            // A job that is cut short by a shutdown stays `running` in the ledger, and is resumed.
            let running = jobs.run(job, token, &active.wake, is_resumed);
            active.cancel.run_until_cancelled(running).await;
            jobs.active.remove(&job_id);
        });
    }

    async fn run(&self, job: StoredJob, token: Option<Secret>, wake: &Notify, is_resumed: bool) {
        if job.request.follow {
            return self.follow(&job, token, wake, is_resumed).await;
        }
        let job_id = job.job_id.clone();
        let outcome = self.round_in_turn(job, token, is_resumed).await;
        if let Err(error) = self.store.finish(job_id.clone(), outcome.err()).await {
            tracing::error!(job_id, %error, "write down the end of an index job");
        }
    }

    /// One round, once no other is under way in the same index and it is its turn.
    async fn round_in_turn(
        &self,
        job: StoredJob,
        token: Option<Secret>,
        is_resumed: bool,
    ) -> Result<(), String> {
        let (job_id, index) = (job.job_id.clone(), job.request.index.clone());
        let alone = self.alone_in(&index);
        let _alone = alone.lock().await;
        let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
        let outcome = self.round(job, token, is_resumed).await;
        match &outcome {
            Ok(()) => tracing::info!(job_id, index, "index job is up to date"),
            Err(cause) => tracing::warn!(job_id, index, cause, "index job failed"),
        }
        outcome
    }

    fn alone_in(&self, index: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut indexes = self.indexes.lock();
        indexes.retain(|_, lock| lock.strong_count() > 0);
        if let Some(lock) = indexes.get(index).and_then(Weak::upgrade) {
            return lock;
        }
        let lock: Arc<tokio::sync::Mutex<()>> = Arc::default();
        indexes.insert(index.to_owned(), Arc::downgrade(&lock));
        lock
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
