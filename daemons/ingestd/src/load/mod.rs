//! Rows of a body into a table, in one commit or not at all.
//!
//! ```text
//! spool -> types (new table) or columns (existing one) -> data files, durable -> commit -> answer, remembered
//! ```
//! Until the commit nothing is visible; after a failure the data files are deleted again, unless it is not known
//! whether the commit happened.

mod commit;
mod error;
mod replay;
mod write;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use lake::rest::CreateTable;
use lake::{TableMetadata, Warehouse};
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;
use wire::CallContext;
use wire::ingest::{IngestAnswer, IngestFormat, IngestMode, OnError};

pub(crate) use commit::{Attempt, MAX_ATTEMPTS, delete_files, send};
pub(crate) use error::{LoadError, warehouse_error};
pub(crate) use replay::{Claim, MIGRATIONS, Replays, fingerprint};
pub(crate) use write::{Inspect, Read, Source, check_rows, write_rows};

use commit::Base;

use crate::Config;
use crate::catalogue::Catalogue;
use crate::reader::{self, Limits, ReadError, Rejects, Widening};
use crate::rejected::{RejectStore, RejectedRows};
use crate::spool::Spool;
use crate::table_name::TableName;

/// One body to be loaded.
#[derive(Debug, Clone)]
pub(crate) struct LoadRequest {
    /// Into which table.
    pub table: TableName,
    /// How; by whether the table exists if absent.
    pub mode: Option<IngestMode>,
    /// How the body is written.
    pub format: IngestFormat,
    /// What bad rows do.
    pub on_error: OnError,
    /// How many may be skipped.
    pub max_errors: Option<u64>,
    /// Whether to write at all.
    pub dry_run: bool,
    /// Under which a repetition of this request is known.
    pub idempotency_key: Option<String>,
}

impl LoadRequest {
    /// Everything that decides its outcome, but the body.
    fn words(&self) -> String {
        let Self { table, mode, format, on_error, max_errors, .. } = self;
        format!("{table}\n{mode:?}\n{format:?}\n{on_error:?}\n{max_errors:?}\n")
    }
}

/// A body of less than this for each thread is read by fewer threads, so that it does not become many small files.
const MIN_BYTES_PER_THREAD: u64 = 16 << 20;

/// Pieces of a body that are under way at once, for each thread: one is read, the others wait.
pub(crate) const PIECES_PER_THREAD: usize = 3;

/// Loads bodies.
pub(crate) struct Loader {
    warehouse: Warehouse,
    catalogue: Arc<dyn Catalogue>,
    replays: Replays,
    rejected: RejectStore,
    limits: Limits,
    /// Threads beyond the one that every body has.
    more_threads: Semaphore,
}

/// What the rows of a body are checked against, and what becomes of the table.
enum Target {
    /// Rows join or replace those of a table, some of whose columns become wider.
    Existing { metadata: Box<TableMetadata>, widenings: Vec<Widening>, replaces: bool },
    /// The table is made.
    New { schema: SchemaRef },
}

impl Target {
    fn widenings(&self) -> &[Widening] {
        match self {
            Self::Existing { widenings, .. } => widenings,
            Self::New { .. } => &[],
        }
    }

    fn replaces(&self) -> bool {
        matches!(self, Self::Existing { replaces: true, .. })
    }
}

impl Loader {
    /// A loader into the tables of `warehouse`.
    pub(crate) fn new(
        warehouse: Warehouse,
        catalogue: Arc<dyn Catalogue>,
        replays: Replays,
        rejected: RejectStore,
        config: &Config,
    ) -> Self {
        let more_threads = Semaphore::new(config.threads() - 1);
        Self { warehouse, catalogue, replays, rejected, limits: config.limits(), more_threads }
    }

    /// Loads `spool`. Once this returns `Ok`, the rows are on disk and in the table, exactly once per key.
    ///
    /// # Errors
    /// Any [`LoadError`]; nothing has changed then, except after [`LoadError::OutcomeUnknown`].
    pub(crate) async fn load(
        &self,
        ctx: &CallContext,
        request: &LoadRequest,
        spool: Arc<Spool>,
    ) -> Result<IngestAnswer, LoadError> {
        let Some(key) = request.idempotency_key.as_deref().filter(|_| !request.dry_run) else {
            return self.load_once(ctx, request, spool, None).await;
        };
        let claim = self.replays.claim(key, fingerprint(&request.words(), &spool)?).await;
        if let Some(answer) = claim.known_answer().await? {
            return Ok(answer);
        }
        // A crash between the commit and the remembering leaves the answer in the snapshot only.
        let committed = self.catalogue.load(ctx, &request.table).await?;
        let answer = match committed.and_then(|metadata| claim.answer_in(&metadata)).transpose()? {
            Some(answer) => answer,
            None => self.load_once(ctx, request, spool, Some(&claim)).await?,
        };
        claim.remember(&answer).await?;
        Ok(answer)
    }

    async fn load_once(
        &self,
        ctx: &CallContext,
        request: &LoadRequest,
        spool: Arc<Spool>,
        claim: Option<&Claim<'_>>,
    ) -> Result<IngestAnswer, LoadError> {
        let target = self.target(ctx, request, &spool, claim).await?;
        let base = self.base(request, &target, claim)?;
        let more = self.more_threads(spool.bytes);
        let source = self.source(request, spool, 1 + more.len());
        let schema = lake::arrow_schema(base.metadata())?;
        let (files, read) = if request.dry_run {
            (Vec::new(), write::check_rows(source, schema).await?)
        } else {
            write::write_rows(source, schema, &self.warehouse, base.metadata()).await?
        };
        drop(more);
        let mut answer =
            IngestAnswer { schema_changes: base.schema_changes(), ..read.answer(&request.table) };
        let rejected = match self.keep(read.kept, &mut answer).await {
            Ok(rejected) => rejected,
            Err(error) => {
                commit::delete_files(&self.warehouse, &files).await;
                return Err(error);
            }
        };
        if request.dry_run {
            return Ok(answer);
        }
        let commit = commit::Commit {
            warehouse: &self.warehouse,
            catalogue: self.catalogue.as_ref(),
            table: &request.table,
            replaces: target.replaces(),
            files,
            widenings: target.widenings(),
            summary: claim.map(|claim| claim.summary(&answer)).transpose()?.unwrap_or_default(),
            claim,
        };
        match commit.run(ctx, base).await {
            Ok(snapshot_id) => {
                metrics::counter!("ingest_rows_written_total").increment(answer.rows_written);
                metrics::counter!("ingest_rows_rejected_total").increment(answer.rows_rejected);
                Ok(IngestAnswer { snapshot_id, ..answer })
            }
            Err(error) => {
                if let Some(id) = rejected.filter(|_| !matches!(error, LoadError::OutcomeUnknown { .. })) {
                    self.rejected.discard(id);
                }
                Err(error)
            }
        }
    }

    /// As many threads as `bytes` are worth beyond the first, if they are idle.
    fn more_threads(&self, bytes: u64) -> Vec<SemaphorePermit<'_>> {
        (0..bytes / MIN_BYTES_PER_THREAD).map_while(|_| self.more_threads.try_acquire().ok()).collect()
    }

    /// Makes the rejected rows durable, and says in `answer` where they are.
    async fn keep(
        &self,
        rejected: Option<RejectedRows>,
        answer: &mut IngestAnswer,
    ) -> Result<Option<Uuid>, LoadError> {
        let Some(rejected) = rejected else { return Ok(None) };
        answer.rejects_kept = rejected.rows();
        let keeping = tokio::task::spawn_blocking(move || rejected.keep());
        let kept = keeping.await.map_err(|error| LoadError::Internal(error.to_string()))?;
        let id = kept.map_err(ReadError::Io)?;
        answer.rejects_url = id.map(|id| format!("/ingest/rejects/{id}"));
        Ok(id)
    }

    /// What the commit builds on. A new table is made only when its rows are on disk, so that a body that does not
    /// fit leaves no table behind, and nobody adds to a table that is about to vanish.
    fn base(
        &self,
        request: &LoadRequest,
        target: &Target,
        claim: Option<&Claim<'_>>,
    ) -> Result<Base, LoadError> {
        match target {
            Target::Existing { metadata, widenings, .. } if widenings.is_empty() => {
                Ok(Base::Existing(metadata.clone()))
            }
            Target::Existing { metadata, widenings, .. } => {
                let promotion = commit::promotion(metadata, widenings)?;
                Ok(Base::Promoted(metadata.clone(), Box::new(promotion)))
            }
            Target::New { schema } => {
                let TableName { namespace, name } = &request.table;
                let mut create = CreateTable::new(name, lake::iceberg_schema(schema)?);
                create.properties.extend(claim.map(Claim::table_properties).unwrap_or_default());
                let planned = lake::create(&self.warehouse, std::slice::from_ref(namespace), create.clone())?;
                create.location = Some(planned.metadata.location().to_owned());
                Ok(Base::New { create: Box::new(create), planned: Box::new(planned.metadata) })
            }
        }
    }

    /// Decides between the modes by whether the table exists.
    async fn target(
        &self,
        ctx: &CallContext,
        request: &LoadRequest,
        spool: &Arc<Spool>,
        claim: Option<&Claim<'_>>,
    ) -> Result<Target, LoadError> {
        let table = &request.table;
        match (self.catalogue.load(ctx, table).await?, request.mode) {
            (Some(metadata), Some(IngestMode::Create)) => {
                // An earlier attempt under the same key made the table and was killed before its commit.
                if metadata.current_snapshot_id().is_some()
                    || !claim.is_some_and(|claim| claim.has_made(&metadata))
                {
                    return Err(LoadError::TableExists(table.clone()));
                }
                self.existing(metadata, request, spool).await
            }
            (Some(metadata), _) => self.existing(metadata, request, spool).await,
            (None, Some(IngestMode::Append)) => Err(LoadError::NoSuchTable(table.clone())),
            (None, _) => Ok(Target::New { schema: self.infer(request.format, Arc::clone(spool)).await? }),
        }
    }

    async fn existing(
        &self,
        metadata: TableMetadata,
        request: &LoadRequest,
        spool: &Arc<Spool>,
    ) -> Result<Target, LoadError> {
        let (format, limits, spool) = (request.format, self.limits.clone(), Arc::clone(spool));
        let schema = lake::arrow_schema(&metadata)?;
        let widenings =
            write::blocking(move || reader::widen(spool.open()?, format, &schema, &limits)).await?;
        let replaces = request.mode == Some(IngestMode::Overwrite);
        Ok(Target::Existing { metadata: Box::new(metadata), widenings, replaces })
    }

    async fn infer(&self, format: IngestFormat, spool: Arc<Spool>) -> Result<SchemaRef, LoadError> {
        let limits = self.limits.clone();
        let schema = write::blocking(move || reader::infer(spool.open()?, format, &limits)).await?;
        Ok(Arc::new(schema))
    }

    fn source(&self, request: &LoadRequest, spool: Arc<Spool>, threads: usize) -> write::Source {
        let kept = (request.on_error == OnError::Skip).then(|| self.rejected.begin());
        let rejects = Rejects::new(request.on_error, request.max_errors, kept, PIECES_PER_THREAD * threads);
        write::Source {
            spool,
            format: request.format,
            rejects,
            limits: self.limits.clone(),
            threads,
            inspect: None,
        }
    }
}

#[cfg(test)]
mod tests;
