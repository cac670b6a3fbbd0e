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
use wire::CallContext;
use wire::ingest::{IngestAnswer, IngestFormat, IngestMode, OnError};

pub(crate) use commit::{Attempt, MAX_ATTEMPTS, delete_files, send};
pub(crate) use error::{LoadError, warehouse_error};
pub(crate) use replay::{Claim, MIGRATIONS, Replays, fingerprint};
pub(crate) use write::{Read, Source, check_rows, write_rows};

use commit::Base;

use crate::catalogue::Catalogue;
use crate::reader::{self, Limits, Rejects};
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

/// Loads bodies.
pub(crate) struct Loader {
    warehouse: Warehouse,
    catalogue: Arc<dyn Catalogue>,
    replays: Replays,
    limits: Limits,
}

/// What the rows of a body are checked against, and what becomes of the table.
enum Target {
    /// Rows join or replace those of a table.
    Existing { metadata: Box<TableMetadata>, replaces: bool },
    /// The table is made.
    New { schema: SchemaRef },
}

impl Target {
    fn schema(&self) -> Result<SchemaRef, LoadError> {
        match self {
            Self::Existing { metadata, .. } => Ok(lake::arrow_schema(metadata)?),
            Self::New { schema } => Ok(schema.clone()),
        }
    }
}

impl Loader {
    /// A loader into the tables of `warehouse`.
    pub(crate) fn new(
        warehouse: Warehouse,
        catalogue: Arc<dyn Catalogue>,
        replays: Replays,
        limits: Limits,
    ) -> Self {
        Self { warehouse, catalogue, replays, limits }
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
        let claim = self.replays.claim(key, fingerprint(&request.words(), &spool)).await;
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
        let source = self.source(request, spool);
        if request.dry_run {
            let read = write::check_rows(source, target.schema()?, |_| Ok(())).await?;
            return Ok(read.into_answer(&request.table));
        }
        let (base, replaces) = self.base(request, target, claim)?;
        let schema = lake::arrow_schema(base.metadata())?;
        let (files, read) =
            write::write_rows(source, schema, &self.warehouse, base.metadata(), |_| Ok(())).await?;
        let answer = read.into_answer(&request.table);
        let commit = commit::Commit {
            warehouse: &self.warehouse,
            catalogue: self.catalogue.as_ref(),
            table: &request.table,
            replaces,
            files,
            summary: claim.map(|claim| claim.summary(&answer)).transpose()?.unwrap_or_default(),
            claim,
        };
        let snapshot_id = commit.run(ctx, base).await?;
        metrics::counter!("ingest_rows_written_total").increment(answer.rows_written);
        metrics::counter!("ingest_rows_rejected_total").increment(answer.rows_rejected);
        Ok(IngestAnswer { snapshot_id, ..answer })
    }

    /// What the commit builds on. A new table is made only when its rows are on disk, so that a body that does not
    /// fit leaves no table behind, and nobody adds to a table that is about to vanish.
    fn base(
        &self,
        request: &LoadRequest,
        target: Target,
        claim: Option<&Claim<'_>>,
    ) -> Result<(Base, bool), LoadError> {
        match target {
            Target::Existing { metadata, replaces } => Ok((Base::Existing(metadata), replaces)),
            Target::New { schema } => {
                let TableName { namespace, name } = &request.table;
                let mut create = CreateTable::new(name, lake::iceberg_schema(&schema)?);
                create.properties.extend(claim.map(Claim::table_properties).unwrap_or_default());
                let planned = lake::create(&self.warehouse, std::slice::from_ref(namespace), create.clone())?;
                create.location = Some(planned.metadata.location().to_owned());
                Ok((Base::New { create: Box::new(create), planned: Box::new(planned.metadata) }, false))
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
                Ok(Target::Existing { metadata: Box::new(metadata), replaces: false })
            }
            (Some(metadata), mode) => Ok(Target::Existing {
                metadata: Box::new(metadata),
                replaces: mode == Some(IngestMode::Overwrite),
            }),
            (None, Some(IngestMode::Append)) => Err(LoadError::NoSuchTable(table.clone())),
            (None, _) => Ok(Target::New { schema: self.infer(request.format, Arc::clone(spool)).await? }),
        }
    }

    async fn infer(&self, format: IngestFormat, spool: Arc<Spool>) -> Result<SchemaRef, LoadError> {
        let limits = self.limits.clone();
        let schema = write::blocking(format, move || reader::infer(spool.open()?, format, &limits)).await?;
        Ok(Arc::new(schema))
    }

    fn source(&self, request: &LoadRequest, spool: Arc<Spool>) -> write::Source {
        let rejects = Rejects::new(request.on_error, request.max_errors);
        write::Source { spool, format: request.format, rejects, limits: self.limits.clone() }
    }
}

#[cfg(test)]
mod tests;
