//! One job from its first row, or the one behind the last that was counted, to its last.

use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use futures::TryStreamExt;
use lake::PlannedFile;
use tokio::sync::OnceCell;
use wire::context::Secret;
use wire::embed::{EmbedRequest, EmbedResponse, TextKind, VectorEncoding};
use wire::vectors::{CreateIndex, Distance, NewItem};
use wire::{CallContext, DaemonName, ErrorCode};

use super::Jobs;
use super::rows::{self, Item};
use super::store::StoredJob;
use super::template::Template;

/// How long one call to a peer may take: a batch of long texts on a busy machine.
const CALL_BUDGET: Duration = Duration::from_secs(120);
/// The wait before a peer that is down or busy is asked again.
const BACKOFF: Duration = Duration::from_secs(1);

impl Jobs {
    /// Runs `job` to its end.
    ///
    /// # Errors
    /// The cause, in a sentence for whoever submitted the job.
    pub(super) async fn run(&self, job: StoredJob, token: Option<Secret>) -> Result<(), String> {
        let files = self.files_of(&job, token.clone()).await?;
        let template = Template::parse(&job.request.text_template)?;
        let names = rows::columns(&job.request, &template);
        let run = Run { jobs: self, job: &job, template, token, index_is_there: OnceCell::new() };
        let batches =
            rows::batches(&self.warehouse, files, names, job.done, self.config.index_batch_rows.max(1));
        let (started, mut done) = (Instant::now(), job.done);
        let mut first_row = job.done + 1;
        let mut indexed = batches
            .map_err(|error| format!("read the table: {error}"))
            .map_ok(|batch| {
                let row = first_row;
                first_row += batch.num_rows() as u64;
                run.index(batch, row)
            })
            .try_buffered(self.config.index_batches_in_flight.max(1));
        while let Some(rows) = indexed.try_next().await? {
            done += rows;
            let rate = (done - job.done) as f64 / started.elapsed().as_secs_f64().max(f64::EPSILON);
            metrics::counter!("index_job_rows_total").increment(rows);
            let counted = self.store.progress(job.job_id.clone(), done, rate).await;
            counted.map_err(|error| format!("write down the progress: {error}"))?;
        }
        Ok(())
    }

    /// The files of the snapshot that the job was submitted for.
    async fn files_of(&self, job: &StoredJob, token: Option<Secret>) -> Result<Vec<PlannedFile>, String> {
        let table = job.request.table.parse()?;
        let metadata = self
            .with_patience(|| {
                let ctx = CallContext::root(CALL_BUDGET).with_token(token.clone());
                let (catalogue, table) = (&self.catalogue, &table);
                async move { catalogue.load(&ctx, table).await }
            })
            .await
            .map_err(|error| format!("load the table: {error}"))?
            .ok_or_else(|| format!("the table {table} is gone"))?;
        let files = lake::data_files(&self.warehouse, &metadata, Some(job.snapshot_id)).await;
        files.map_err(|error| format!("plan the files of the table: {error}"))
    }

    /// Repeats `call` while its peer is away or busy, for as long as `peer_patience_s`.
    async fn with_patience<T, F>(&self, call: impl Fn() -> F) -> client::Result<T>
    where
        F: Future<Output = client::Result<T>>,
    {
        let patience = Duration::from_secs(self.config.peer_patience_s);
        let started = Instant::now();
        loop {
            match call().await {
                Err(error) if is_passing(&error) && started.elapsed() < patience => {
                    tracing::debug!(%error, "an index job waits for its peer");
                    tokio::time::sleep(BACKOFF).await;
                }
                result => return result,
            }
        }
    }
}

/// Whether the same call may succeed later.
fn is_passing(error: &client::Error) -> bool {
    use ErrorCode::{DeadlineExceeded, Overloaded, PeerUnavailable, Unavailable};
    match error {
        client::Error::Unreachable { .. } | client::Error::DeadlineExceeded { .. } => true,
        client::Error::Problem { problem, .. } => {
            matches!(problem.code, Overloaded | Unavailable | PeerUnavailable | DeadlineExceeded)
        }
        client::Error::Malformed { .. } => false,
    }
}

struct Run<'a> {
    jobs: &'a Jobs,
    job: &'a StoredJob,
    template: Template,
    token: Option<Secret>,
    index_is_there: OnceCell<()>,
}

impl Run<'_> {
    /// Puts one batch into the index and returns its number of rows.
    async fn index(&self, batch: RecordBatch, first_row: u64) -> Result<u64, String> {
        let items = rows::items(&batch, &self.job.request, &self.template, first_row)?;
        let count = items.len() as u64;
        let in_rows = |what: &str, error: client::Error| {
            format!("{what} rows {first_row} to {}: {error}", first_row + count - 1)
        };
        let embedded = self.embed(&items).await.map_err(|error| in_rows("embed", error))?;
        self.index_is_there
            .get_or_try_init(|| self.create_index(embedded.dimension))
            .await
            .map_err(|error| format!("create the index {:?}: {error}", self.job.request.index))?;
        self.add(items, embedded.vectors_b64).await.map_err(|error| in_rows("index", error))?;
        Ok(count)
    }

    async fn embed(&self, items: &[Item]) -> client::Result<EmbedResponse> {
        let embedd = self.jobs.env.peers.embedd();
        let request = EmbedRequest {
            texts: items.iter().map(|item| item.text.clone()).collect(),
            model: None,
            kind: Some(TextKind::Document),
            encoding: VectorEncoding::Base64,
        };
        let (embedd, request) = (&embedd, &request);
        let answer =
            self.jobs.with_patience(|| async move { embedd.embed(&self.ctx(), request).await }).await?;
        let (found, expected) = (answer.vectors_b64.len(), items.len());
        if found == expected {
            return Ok(answer);
        }
        let detail = format!("{found} vectors for {expected} texts");
        Err(client::Error::Malformed { peer: DaemonName::Embedd, detail })
    }

    async fn create_index(&self, dimension: usize) -> client::Result<()> {
        let vectord = self.jobs.env.peers.vectord();
        let request =
            CreateIndex { name: self.job.request.index.clone(), dimension, distance: Distance::Cosine };
        let (vectord, request) = (&vectord, &request);
        self.jobs
            .with_patience(|| async move { vectord.create_index(&self.ctx(), request).await })
            .await
            .map(drop)
    }

    async fn add(&self, items: Vec<Item>, vectors_b64: Vec<String>) -> client::Result<()> {
        let vectord = self.jobs.env.peers.vectord();
        let items: Vec<NewItem> = items
            .into_iter()
            .zip(vectors_b64)
            .map(|(item, vector)| NewItem {
                id: item.id,
                vector_b64: Some(vector),
                metadata: item.metadata,
                ..NewItem::default()
            })
            .collect();
        let (vectord, items, index) = (&vectord, &items, &self.job.request.index);
        self.jobs
            .with_patience(|| async move { vectord.add(&self.ctx(), index, items.clone()).await })
            .await
            .map(drop)
    }

    fn ctx(&self) -> CallContext {
        CallContext::root(CALL_BUDGET).with_token(self.token.clone())
    }
}
