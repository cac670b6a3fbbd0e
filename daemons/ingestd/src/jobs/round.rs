//! One round of a job: an index, from the snapshot that it reflects to the table's current one.
//!
//! ```text
//! begin     which snapshots, which files came and went; from here on the index reflects none
//! sweep     ids that are gone leave the index: no model is needed, so a person is erased even while embedd is away
//! examine   rows of the files that came are compared by digest; those that differ are embedded and indexed
//! complete  the index reflects the new snapshot
//! ```
//! Rows are counted in order, in the transaction that keeps their digests: a killed job goes on behind the last counted
//! row. What was under way then is indexed twice, which an upsert makes harmless.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::stream::{self, StreamExt};
use lake::{Operation, PlannedFile, TableMetadata};
use serde_json::json;
use wire::context::Secret;
use wire::ingest::IndexJobRequest;

use super::Jobs;
use super::peers::JobPeers;
use super::rows;
use super::scan::{Comparison, Portion, portions};
use super::sources::{Digest, Progress, Source};
use super::store::{Round, StoredJob};
use super::template::Template;
use crate::table_name::TableName;

/// Ids that leave the index in one call.
const SWEEP_IDS: usize = 1_000;
/// What is embedded to learn which model there is.
pub(super) const PROBE: &str = "a worker";

/// A job in one of its rounds.
struct Indexing<'a> {
    jobs: &'a Jobs,
    job: StoredJob,
    peers: JobPeers,
    metadata: TableMetadata,
    source: Source,
}

/// The files that a round is about.
struct Files {
    /// All of the target.
    target: Vec<PlannedFile>,
    /// Those that the base does not have.
    added: Vec<PlannedFile>,
    /// Those that only the base has.
    removed: Vec<PlannedFile>,
}

impl Jobs {
    /// Brings the index of `job` up to date, or, if it `is_resumed`, to where its last run was heading.
    ///
    /// # Errors
    /// The cause, in a sentence for whoever submitted the job.
    pub(super) async fn round(
        &self,
        job: StoredJob,
        token: Option<Secret>,
        is_resumed: bool,
    ) -> Result<(), String> {
        let patience = Duration::from_secs(self.config.peer_patience_s);
        let (peers, index) = (self.env.peers.clone(), job.request.index.clone());
        let peers = JobPeers { peers, token, patience, index };
        let metadata = self.table_of(&peers, &job.request).await?;
        let source = self.store.source(job.request.table.clone(), job.request.index.clone()).await;
        let source = source.map_err(|error| ledger_error(&error))?;
        let mut indexing = Indexing { jobs: self, job, peers, metadata, source };
        let files = indexing.begin(is_resumed).await?;
        indexing.sweep(&files).await?;
        indexing.examine(&files).await?;
        indexing.complete().await
    }

    pub(super) async fn table_of(
        &self,
        peers: &JobPeers,
        request: &IndexJobRequest,
    ) -> Result<TableMetadata, String> {
        let table: TableName = request.table.parse()?;
        let (catalogue, name) = (&self.catalogue, &table);
        let loaded = peers.with_patience(|| async move { catalogue.load(&peers.ctx(), name).await }).await;
        loaded
            .map_err(|error| format!("load the table: {error}"))?
            .ok_or_else(|| format!("the table {table} is gone"))
    }
}

impl Indexing<'_> {
    /// Decides between which snapshots the round goes, and writes it down.
    async fn begin(&mut self, is_resumed: bool) -> Result<Files, String> {
        if is_resumed && self.may_go_on() {
            let files = self.files().await?;
            let begun = self.jobs.store.begin(&self.job, &self.source, false).await;
            begun.map_err(|error| ledger_error(&error))?;
            return Ok(files);
        }
        let target = self.metadata.current_snapshot_id();
        self.note_lag(target).await?;
        let version =
            self.peers.index_version().await.map_err(|error| format!("look at the index: {error}"))?;
        // An index that was dropped, or came back from an old snapshot of its own, has an older version, or none.
        let is_intact = version.is_some_and(|version| version >= self.source.index_version);
        let settings = settings(&self.job.request);
        let is_known = is_intact && self.source.settings == settings;
        let base = self.source.snapshot_id.filter(|_| is_known);
        let base = base.filter(|id| self.metadata.snapshot_by_id(*id).is_some());
        // Other files with the same rows are as good as none.
        let base = if self.is_compacted_only(base, target) { target } else { base };
        self.source.settings = settings;
        self.job.round = Round { target, base, is_full: base.is_none(), done: 0, total: 0 };
        let files = self.files().await?;
        self.job.round.total = rows_of(files.examined(self.job.round.is_full));
        let begun = self.jobs.store.begin(&self.job, &self.source, !is_intact).await;
        begun.map_err(|error| ledger_error(&error))?;
        Ok(files)
    }

    /// Whether nobody else has changed the index since this job was cut short, and its snapshots are still there.
    fn may_go_on(&self) -> bool {
        let is_there = |id: i64| self.metadata.snapshot_by_id(id).is_some();
        let Round { target, base, .. } = self.job.round;
        self.source.job_id.as_ref() == Some(&self.job.job_id)
            && self.source.settings == settings(&self.job.request)
            && target.is_none_or(is_there)
            && base.is_none_or(is_there)
    }

    async fn note_lag(&self, target: Option<i64>) -> Result<(), String> {
        if !self.job.request.follow || target == self.source.snapshot_id {
            return Ok(());
        }
        let since_ms = oldest_after(&self.metadata, self.source.snapshot_id);
        let noted = self.jobs.store.fall_behind(self.job.job_id.clone(), since_ms).await;
        noted.map_err(|error| ledger_error(&error))
    }

    /// Whether all snapshots behind `base` up to `target` hold the same rows.
    fn is_compacted_only(&self, base: Option<i64>, target: Option<i64>) -> bool {
        let (Some(base), mut next) = (base, target) else { return false };
        while let Some(snapshot) =
            next.filter(|id| *id != base).and_then(|id| self.metadata.snapshot_by_id(id))
        {
            if snapshot.summary().operation != Operation::Replace {
                return false;
            }
            next = snapshot.parent_snapshot_id();
        }
        next == Some(base)
    }

    async fn files(&self) -> Result<Files, String> {
        let Round { target, base, .. } = self.job.round;
        let at_target = self.files_at(target).await?;
        if base == target {
            return Ok(Files { target: at_target, added: Vec::new(), removed: Vec::new() });
        }
        let at_base = self.files_at(base).await?;
        let added = without(&at_target, &at_base);
        let removed = without(&at_base, &at_target);
        Ok(Files { target: at_target, added, removed })
    }

    async fn files_at(&self, snapshot_id: Option<i64>) -> Result<Vec<PlannedFile>, String> {
        if snapshot_id.is_none() {
            return Ok(Vec::new());
        }
        let files = lake::data_files(&self.jobs.warehouse, &self.metadata, snapshot_id).await;
        files.map_err(|error| format!("plan the files of the table: {error}"))
    }

    /// Takes out of the index what is no longer in the table. Between two snapshots these are rows of files that went, if
    /// they are not in files that came; else all that was indexed is compared with the whole table.
    async fn sweep(&self, files: &Files) -> Result<(), String> {
        if self.job.round.base.is_some() {
            if files.removed.is_empty() {
                return Ok(());
            }
            let present = self.ids_of(&files.added).await?;
            let mut gone = Vec::new();
            let mut batches = self.ids_in(&files.removed)?;
            while let Some(ids) = batches.try_next().await? {
                gone.extend(ids.into_iter().filter(|id| !present.contains(&hash(id))));
                while gone.len() >= SWEEP_IDS {
                    self.remove(gone.split_off(gone.len() - SWEEP_IDS)).await?;
                }
            }
            return self.remove(gone).await;
        }
        let mut present = None;
        let mut after = String::new();
        loop {
            let ids = self.jobs.store.ids(self.source.source_id, after, SWEEP_IDS).await;
            let ids = ids.map_err(|error| ledger_error(&error))?;
            let Some(last) = ids.last() else { return Ok(()) };
            after = last.clone();
            let present = match &mut present {
                Some(present) => present,
                None => present.insert(self.ids_of(&files.target).await?),
            };
            self.remove(ids.into_iter().filter(|id| !present.contains(&hash(id))).collect()).await?;
        }
    }

    /// The ids of all rows in `files`, as hashes: a table may have millions.
    async fn ids_of(&self, files: &[PlannedFile]) -> Result<HashSet<Digest>, String> {
        let mut present = HashSet::new();
        let mut batches = self.ids_in(files)?;
        while let Some(ids) = batches.try_next().await? {
            present.extend(ids.iter().map(|id| hash(id)));
        }
        Ok(present)
    }

    fn ids_in(
        &self,
        files: &[PlannedFile],
    ) -> Result<stream::BoxStream<'static, Result<Vec<String>, String>>, String> {
        let name = self.job.request.id_column.clone();
        let read_error = |error: lake::Error| format!("read the ids of the table: {error}");
        let batches = lake::rows(&self.jobs.warehouse, &self.metadata, files, Some(&[name.as_str()]))
            .map_err(read_error)?;
        Ok(batches.map_ok(move |batch| rows::texts(&batch, &name)).map_err(read_error).boxed())
    }

    async fn remove(&self, ids: Vec<String>) -> Result<(), String> {
        if ids.is_empty() {
            return Ok(());
        }
        self.peers.delete(&ids).await.map_err(|error| format!("delete {} items: {error}", ids.len()))?;
        let forgotten = self.jobs.store.forget(self.job.job_id.clone(), self.source.source_id, ids).await;
        forgotten.map_err(|error| ledger_error(&error))
    }

    /// Looks at the rows that may have changed, and indexes those that have.
    async fn examine(&mut self, files: &Files) -> Result<(), String> {
        if files.target.is_empty() {
            return Ok(());
        }
        let probe = self.peers.embed(vec![PROBE.to_owned()]).await;
        let probe = probe.map_err(|error| format!("ask which model embeds: {error}"))?;
        if probe.model != self.source.model {
            // Vectors of different models cannot be compared.
            let total = rows_of(&files.target);
            self.job.round = Round { is_full: true, done: 0, total, ..self.job.round };
            let widened = self.jobs.store.widen(&self.job, &self.source, probe.model.clone()).await;
            widened.map_err(|error| ledger_error(&error))?;
        }
        let created = self.peers.create_index(probe.dimension).await;
        created.map_err(|error| format!("create the index {:?}: {error}", self.peers.index))?;

        let (config, round) = (&self.jobs.config, &self.job.round);
        let comparison = Comparison {
            store: self.jobs.store.clone(),
            source_id: self.source.source_id,
            template: Template::parse(&self.job.request.text_template)?,
            request: self.job.request.clone(),
            model: probe.model,
            max_changed: config.index_batch_rows.max(1),
        };
        let examined = files.examined(round.is_full);
        let portions = portions(comparison, &self.jobs.warehouse, &self.metadata, examined, round.done)?;
        let indexed = portions.map_ok(|portion| self.index(portion));
        let mut indexed = std::pin::pin!(indexed.try_buffered(config.index_batches_in_flight.max(1)));
        let (started, mut done) = (Instant::now(), 0);
        while let Some(progress) = indexed.try_next().await? {
            done += progress.rows;
            let rate = done as f64 / started.elapsed().as_secs_f64().max(f64::EPSILON);
            metrics::counter!("index_job_rows_total").increment(progress.added + progress.updated);
            let counted = self
                .jobs
                .store
                .progress(self.job.job_id.clone(), self.source.source_id, progress, rate)
                .await;
            counted.map_err(|error| format!("write down the progress: {error}"))?;
        }
        Ok(())
    }

    /// Puts what has changed in a portion into the index.
    async fn index(&self, portion: Portion) -> Result<Progress, String> {
        let Portion { first_row, rows, changed } = portion;
        let count = changed.len() as u64;
        let added = changed.iter().filter(|row| row.is_new).count() as u64;
        let progress =
            Progress { rows, added, updated: count - added, unchanged: rows - count, digests: Vec::new() };
        if changed.is_empty() {
            return Ok(progress);
        }
        let in_rows = |what: &str, error: client::Error| {
            format!("{what} rows {first_row} to {}: {error}", first_row + rows - 1)
        };
        let texts = changed.iter().map(|row| row.item.text.clone()).collect();
        let embedded = self.peers.embed(texts).await.map_err(|error| in_rows("embed", error))?;
        let digests = changed.iter().map(|row| (row.item.id.clone(), row.digest)).collect();
        let items = changed.into_iter().map(|row| row.item).collect();
        self.peers.add(items, embedded.vectors_b64).await.map_err(|error| in_rows("index", error))?;
        Ok(Progress { digests, ..progress })
    }

    async fn complete(&self) -> Result<(), String> {
        let version =
            self.peers.index_version().await.map_err(|error| format!("look at the index: {error}"))?;
        let completed =
            self.jobs.store.complete(&self.job, self.source.source_id, version.unwrap_or_default()).await;
        completed.map_err(|error| ledger_error(&error))
    }
}

impl Files {
    /// Those whose rows a round looks at.
    fn examined(&self, is_full: bool) -> &[PlannedFile] {
        if is_full { &self.target } else { &self.added }
    }
}

/// When the oldest snapshot was made that comes after `reflected`, Unix milliseconds: the current one if that is not known.
fn oldest_after(metadata: &TableMetadata, reflected: Option<i64>) -> Option<i64> {
    let current = metadata.current_snapshot()?;
    let mut oldest = current.timestamp_ms();
    let mut next = current.parent_snapshot_id();
    let is_ancestor = reflected.is_some_and(|id| metadata.snapshot_by_id(id).is_some());
    while let Some(snapshot) = next.filter(|_| is_ancestor).and_then(|id| metadata.snapshot_by_id(id)) {
        if Some(snapshot.snapshot_id()) == reflected {
            break;
        }
        oldest = snapshot.timestamp_ms();
        next = snapshot.parent_snapshot_id();
    }
    Some(oldest)
}

/// Everything that decides what a row becomes, but the model.
fn settings(request: &IndexJobRequest) -> String {
    let IndexJobRequest { id_column, text_template, metadata_columns, .. } = request;
    json!([id_column, text_template, metadata_columns]).to_string()
}

fn without(files: &[PlannedFile], others: &[PlannedFile]) -> Vec<PlannedFile> {
    let others: HashSet<&str> = others.iter().map(|file| file.location.as_str()).collect();
    files.iter().filter(|file| !others.contains(file.location.as_str())).cloned().collect()
}

fn rows_of(files: &[PlannedFile]) -> u64 {
    files.iter().map(|file| file.record_count).sum()
}

fn hash(id: &str) -> Digest {
    rows::digest([id])
}

fn ledger_error(error: &ledger::Error) -> String {
    format!("read or write ingestd's ledger: {error}")
}
