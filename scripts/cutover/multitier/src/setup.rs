//! Sees to it that the corpus is there and that caches are warm, before anything is measured.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bench_kit::progress;
use client::Peers;
use futures::{StreamExt, TryStreamExt, stream};
use lakectl::corpus::{self, METADATA_COLUMNS, TEXT_TEMPLATE, Worker};
use serde_json::{Map, Value};
use wire::context::Secret;
use wire::health::Status;
use wire::ingest::{IndexJobRequest, IndexJobState, IngestFormat, IngestMode, IngestParams, OnError};
use wire::{CallContext, DaemonName, ErrorCode};

use crate::Args;
use crate::calls::Calls;
use crate::plan::{CORPUS, Plan};
use crate::user::search;

const TABLE: &str = "staffing.workers";
const ID_COLUMN: &str = "worker_id";
const PATIENCE: Duration = Duration::from_secs(60);
const INGEST_PATIENCE: Duration = Duration::from_secs(3600);
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Warm-up searches at once: enough for embedd to batch.
const WARM_UP_CONCURRENCY: usize = 16;

/// How the harness reaches the stack.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    peers: Peers,
    token: Option<Secret>,
}

impl Session {
    pub(crate) fn new(peers: Peers, token: Option<Secret>) -> Self {
        Self { peers, token }
    }

    /// The calls of one more user.
    pub(crate) fn calls(&self) -> Calls {
        Calls::new(self.peers.peer(DaemonName::Matrixd), self.token.clone())
    }

    /// What the gateway says of all daemons.
    pub(crate) async fn status(&self) -> anyhow::Result<Status> {
        let gateway = self.peers.peer(DaemonName::Gateway);
        gateway
            .get(&self.call(PATIENCE), "/v1/status")
            .await
            .context("ask the gateway for the state of the stack")
    }

    fn call(&self, budget: Duration) -> CallContext {
        CallContext::root(budget).with_token(self.token.clone())
    }
}

/// Loads the corpus unless the stack holds it, draws the plan, and searches once for each query of it.
pub(crate) async fn prepare(session: &Session, args: &Args) -> anyhow::Result<Plan> {
    let workers: Vec<Worker> = corpus::workers(args.workers, args.seed)?.collect();
    if holds(session, &workers).await? {
        progress::say(&format!("The index {CORPUS} holds these {} workers.", args.workers));
    } else {
        load(session, args).await?;
        ensure!(
            holds(session, &workers).await?,
            "the index {CORPUS} does not hold what was just put into it"
        );
    }
    let plan = Plan::new(workers, args.seed)?;
    warm_up(session, &plan).await.context("warm up")?;
    Ok(plan)
}

/// Whether the index has the first and the last worker as they are generated, and so all of them.
async fn holds(session: &Session, workers: &[Worker]) -> anyhow::Result<bool> {
    let vectord = session.peers.vectord();
    for worker in workers.first().into_iter().chain(workers.last()) {
        let item = match vectord.item(&session.call(PATIENCE), CORPUS, &worker.worker_id).await {
            Ok(item) => item,
            Err(error) if error.is(ErrorCode::NotFound) => return Ok(false),
            Err(error) => return Err(error).context(format!("look into the index {CORPUS}")),
        };
        let metadata: Map<String, Value> = item.metadata.parse()?;
        let is_same = metadata.get("email").is_some_and(|email| *email == worker.email);
        if !is_same || !METADATA_COLUMNS.iter().all(|column| metadata.contains_key(*column)) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn load(session: &Session, args: &Args) -> anyhow::Result<()> {
    progress::say(&format!("Putting {} generated workers into the table {TABLE}.", args.workers));
    let mut csv = Vec::new();
    corpus::write_workers(args.workers, args.seed, corpus::Format::Csv, &mut csv)?;
    let params = IngestParams {
        table: TABLE.to_owned(),
        mode: Some(IngestMode::Overwrite),
        format: Some(IngestFormat::Csv),
        on_error: OnError::Abort,
        max_errors: None,
        dry_run: false,
    };
    let ingestd = session.peers.ingestd();
    let answer = ingestd.ingest(&session.call(INGEST_PATIENCE), &params, "text/csv", csv, None).await;
    let written = answer.with_context(|| format!("ingest into {TABLE}"))?.rows_written;
    ensure!(written == args.workers, "{written} of {} rows were written", args.workers);
    index(session).await
}

async fn index(session: &Session) -> anyhow::Result<()> {
    progress::say(&format!("Embedding and indexing them as {CORPUS}."));
    let request = IndexJobRequest {
        table: TABLE.to_owned(),
        id_column: ID_COLUMN.to_owned(),
        text_template: TEXT_TEMPLATE.to_owned(),
        metadata_columns: METADATA_COLUMNS.map(str::to_owned).to_vec(),
        index: CORPUS.to_owned(),
        follow: false,
    };
    let ingestd = session.peers.ingestd();
    let job_id = ingestd.submit_index_job(&session.call(PATIENCE), &request).await?.job_id;
    let bar = progress::bar(0, "workers");
    loop {
        let job = ingestd.index_job(&session.call(PATIENCE), &job_id).await?;
        bar.set_length(job.total);
        bar.set_position(job.done);
        match job.state {
            IndexJobState::Queued | IndexJobState::Running => tokio::time::sleep(POLL_INTERVAL).await,
            IndexJobState::Succeeded => break,
            state => bail!("index job {job_id} is {state:?}: {}", job.error.unwrap_or_default()),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Has every query embedded, so that a run measures a stack that has been in use.
async fn warm_up(session: &Session, plan: &Plan) -> anyhow::Result<()> {
    let matrixd = session.peers.matrixd();
    let searches = plan.queries.iter().map(|query| {
        let (matrixd, ctx) = (&matrixd, session.call(PATIENCE));
        async move { matrixd.search(&ctx, &search(query)).await.map(drop) }
    });
    Ok(stream::iter(searches).buffer_unordered(WARM_UP_CONCURRENCY).try_collect().await?)
}
