//! Rows of a body in the place of those with the same keys, in one commit or not at all.
//!
//! ```text
//! spool -> data files and keys -> files of the table that hold such keys, written anew without them -> commit
//! ```
//! The body is written once. What it replaces is looked for again whenever somebody else's commit came first, so that no
//! row of theirs is lost and none of the old ones stays.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use lake::{DataFile, Keys, TableMetadata, UpsertPlan, Warehouse};
use parking_lot::Mutex;
use wire::CallContext;
use wire::ingest::{IngestFormat, OnError, UpsertAnswer};

use crate::catalogue::Catalogue;
use crate::load::{
    Attempt, Claim, Inspect, LoadError, MAX_ATTEMPTS, PIECES_PER_THREAD, Read, Replays, Source, check_rows,
    delete_files, fingerprint, send, write_rows,
};
use crate::reader::{Limits, ReadError, Rejects, unknown_column};
use crate::spool::Spool;
use crate::table_name::TableName;

/// One body to be upserted.
#[derive(Debug, Clone)]
pub(crate) struct UpsertRequest {
    /// Into which table.
    pub table: TableName,
    /// The columns that name a row.
    pub key: Vec<String>,
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

impl UpsertRequest {
    /// Everything that decides its outcome, but the body.
    fn words(&self) -> String {
        let Self { table, key, format, on_error, max_errors, .. } = self;
        format!("upsert\n{table}\n{key:?}\n{format:?}\n{on_error:?}\n{max_errors:?}\n")
    }
}

/// Upserts bodies.
pub(crate) struct Upserter {
    warehouse: Warehouse,
    catalogue: Arc<dyn Catalogue>,
    replays: Replays,
    limits: Limits,
    max_rows: usize,
}

/// What is ready to become part of the table.
struct Prepared<'a> {
    request: &'a UpsertRequest,
    keys: Keys,
    files: Vec<DataFile>,
    read: Read,
    claim: Option<&'a Claim<'a>>,
}

impl Upserter {
    /// An upserter into the tables of `warehouse`, of bodies with at most `max_rows` rows: their keys are held in memory.
    pub(crate) fn new(
        warehouse: Warehouse,
        catalogue: Arc<dyn Catalogue>,
        replays: Replays,
        limits: Limits,
        max_rows: usize,
    ) -> Self {
        Self { warehouse, catalogue, replays, limits, max_rows }
    }

    /// Upserts `spool`. Once this returns `Ok`, the rows are on disk and in the table, and those that they replace are not.
    ///
    /// # Errors
    /// Any [`LoadError`]; nothing has changed then, except after [`LoadError::OutcomeUnknown`].
    pub(crate) async fn upsert(
        &self,
        ctx: &CallContext,
        request: &UpsertRequest,
        spool: Arc<Spool>,
    ) -> Result<UpsertAnswer, LoadError> {
        let Some(key) = request.idempotency_key.as_deref().filter(|_| !request.dry_run) else {
            let metadata = self.load(ctx, &request.table).await?;
            return self.upsert_once(ctx, request, spool, metadata, None).await;
        };
        let claim = self.replays.claim(key, fingerprint(&request.words(), &spool)?).await;
        if let Some(answer) = claim.known_answer().await? {
            return Ok(answer);
        }
        let metadata = self.load(ctx, &request.table).await?;
        // A crash between the commit and the remembering leaves the answer in the snapshot only.
        let answer = match claim.answer_in(&metadata).transpose()? {
            Some(answer) => answer,
            None => self.upsert_once(ctx, request, spool, metadata, Some(&claim)).await?,
        };
        claim.remember(&answer).await?;
        Ok(answer)
    }

    async fn load(&self, ctx: &CallContext, table: &TableName) -> Result<TableMetadata, LoadError> {
        let metadata = self.catalogue.load(ctx, table).await?;
        metadata.ok_or_else(|| LoadError::NoSuchTable(table.clone()))
    }

    async fn upsert_once(
        &self,
        ctx: &CallContext,
        request: &UpsertRequest,
        spool: Arc<Spool>,
        metadata: TableMetadata,
        claim: Option<&Claim<'_>>,
    ) -> Result<UpsertAnswer, LoadError> {
        let (schema, keys) = self.key(request, &metadata)?;
        let rejects = Rejects::new(request.on_error, request.max_errors, None, PIECES_PER_THREAD);
        let keys = Arc::new(Mutex::new(keys));
        let source = Source {
            spool,
            format: request.format,
            rejects,
            limits: self.limits.clone(),
            threads: 1,
            inspect: Some(collect(Arc::clone(&keys), self.max_rows)),
        };
        let (files, read) = if request.dry_run {
            (Vec::new(), check_rows(source, schema).await?)
        } else {
            write_rows(source, schema, &self.warehouse, &metadata).await?
        };
        let keys = Arc::into_inner(keys).map(Mutex::into_inner);
        let keys = keys.ok_or_else(|| LoadError::Internal("a body is still being read".to_owned()))?;
        let prepared = Prepared { request, keys, files, read, claim };
        if request.dry_run {
            let plan = lake::plan_upsert(&self.warehouse, &metadata, &prepared.keys).await?;
            return Ok(prepared.answer(&plan));
        }
        let result = self.attempts(ctx, &prepared, metadata).await;
        if let Err(error) = &result
            && !matches!(error, LoadError::OutcomeUnknown { .. })
        {
            delete_files(&self.warehouse, &prepared.files).await;
        }
        let answer = result?;
        metrics::counter!("upsert_rows_inserted_total").increment(answer.rows_inserted);
        metrics::counter!("upsert_rows_updated_total").increment(answer.rows_updated);
        Ok(answer)
    }

    /// The schema of rows that can be upserted, whose key is never null, and their keys: none yet.
    fn key(&self, request: &UpsertRequest, metadata: &TableMetadata) -> Result<(SchemaRef, Keys), LoadError> {
        let schema = lake::arrow_schema(metadata)?;
        if let Some(name) = request.key.iter().find(|name| schema.index_of(name).is_err()) {
            return Err(ReadError::unfit(unknown_column(name, &schema)).into());
        }
        let keys = Keys::new(metadata, &request.key).map_err(key_error)?;
        let fields = schema.fields().iter().map(|field| {
            let is_nullable = field.is_nullable() && !request.key.contains(field.name());
            field.as_ref().clone().with_nullable(is_nullable)
        });
        Ok((Arc::new(Schema::new(fields.collect::<Vec<_>>())), keys))
    }

    async fn attempts(
        &self,
        ctx: &CallContext,
        prepared: &Prepared<'_>,
        mut metadata: TableMetadata,
    ) -> Result<UpsertAnswer, LoadError> {
        let table = &prepared.request.table;
        let written_as = metadata.current_schema().clone();
        for _ in 0..MAX_ATTEMPTS {
            let is_repeated = match self.attempt(ctx, prepared, &metadata).await {
                Ok(answer) => return Ok(answer),
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Repeated) => true,
                Err(Attempt::Conflict) => false,
            };
            metadata = self.load(ctx, table).await?;
            // What came first may be an earlier attempt at this very request, whose answer was lost.
            let answer = prepared.claim.and_then(|claim| claim.answer_in(&metadata)).transpose()?;
            if is_repeated || answer.is_some() {
                delete_files(&self.warehouse, &prepared.files).await;
                return match answer {
                    Some(answer) => Ok(answer),
                    // Its snapshot has expired: what is there now are the rows that it wrote.
                    None => prepared.repeated(&self.warehouse, &metadata).await,
                };
            }
            metrics::counter!("ingest_commit_conflicts_total").increment(1);
            if metadata.current_schema().as_struct() != written_as.as_struct() {
                return Err(LoadError::ColumnsChanged(table.clone()));
            }
        }
        Err(LoadError::Contended(table.clone()))
    }

    /// Looks for what is replaced in the table as it is, and commits.
    async fn attempt(
        &self,
        ctx: &CallContext,
        prepared: &Prepared<'_>,
        metadata: &TableMetadata,
    ) -> Result<UpsertAnswer, Attempt> {
        let failed = |error: lake::Error| Attempt::Failed(error.into());
        let (warehouse, keys) = (&self.warehouse, &prepared.keys);
        let plan = lake::plan_upsert(warehouse, metadata, keys).await.map_err(failed)?;
        let mut answer = prepared.answer(&plan);
        let summary = prepared.claim.map(|claim| claim.summary(&answer)).transpose();
        let summary: HashMap<_, _> = summary.map_err(Attempt::Failed)?.unwrap_or_default();
        let rewrite = lake::delete_rows(warehouse, metadata, keys, &plan.replaced).await.map_err(failed)?;
        let change = match rewrite.change_joined_by(warehouse, metadata, &prepared.files, summary).await {
            Ok(change) => change,
            Err(error) => {
                rewrite.discard(warehouse).await;
                return Err(failed(error));
            }
        };
        let commit_key = prepared.claim.map(Claim::commit_key);
        let table = &prepared.request.table;
        match send(warehouse, &*self.catalogue, ctx, table, change, commit_key.as_deref()).await {
            Ok(snapshot_id) => {
                answer.snapshot_id = Some(snapshot_id);
                Ok(answer)
            }
            Err(unknown @ Attempt::Failed(LoadError::OutcomeUnknown { .. })) => Err(unknown),
            Err(other) => {
                rewrite.discard(warehouse).await;
                Err(other)
            }
        }
    }
}

impl Prepared<'_> {
    /// The answer about these rows, before they have a snapshot.
    fn answer(&self, plan: &UpsertPlan) -> UpsertAnswer {
        let Read { rows, rejected, rejects, .. } = &self.read;
        UpsertAnswer {
            table: self.request.table.to_string(),
            snapshot_id: None,
            rows_read: rows + rejected,
            rows_inserted: rows - plan.keys_found,
            rows_updated: plan.keys_found,
            rows_rejected: *rejected,
            rejects: rejects.clone(),
            replayed: false,
        }
    }

    /// The answer to a late repetition, when the snapshot that held the first answer has expired: the rows are in the table,
    /// as far as nobody has changed them since, and count as updated.
    async fn repeated(
        &self,
        warehouse: &Warehouse,
        metadata: &TableMetadata,
    ) -> Result<UpsertAnswer, LoadError> {
        let plan = lake::plan_upsert(warehouse, metadata, &self.keys).await?;
        Ok(UpsertAnswer { replayed: true, ..self.answer(&plan) })
    }
}

/// Collects the keys of the rows that it sees, at most `max_rows`.
fn collect(keys: Arc<Mutex<Keys>>, max_rows: usize) -> Inspect {
    Arc::new(move |batch: &RecordBatch| {
        let mut keys = keys.lock();
        keys.insert(batch).map_err(key_error)?;
        if keys.len() > max_rows {
            let text = format!(
                "an upsert takes at most ingestd.max_upsert_rows = {max_rows} rows; send it in parts"
            );
            return Err(ReadError::unfit(text));
        }
        Ok(())
    })
}

fn key_error(error: lake::Error) -> ReadError {
    match error {
        lake::Error::Invalid(text) => ReadError::unfit(format!("{text}. Nothing was written")),
        other => ReadError::unfit(format!("the keys cannot be compared: {other}")),
    }
}

#[cfg(test)]
mod tests;
