//! Sees to it that the corpus is there and that caches are warm, before anything is measured.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bench_kit::progress::{Progress, say};
use futures::{StreamExt, TryStreamExt, stream};
use lakectl::corpus::{self, METADATA_COLUMNS, TEXT_TEMPLATE, Worker};
use serde_json::{Map, Value};
use wire::ErrorCode;
use wire::ingest::{IndexJobRequest, IndexJobState, IngestFormat, IngestMode, IngestParams, OnError};
use wire::vectors::IndexStatus;

use crate::Args;
use crate::plan::{CORPUS, Plan};
use crate::session::{PATIENCE, Session};
use crate::user::search;

const TABLE: &str = "staffing.workers";
const ID_COLUMN: &str = "worker_id";
const INGEST_PATIENCE: Duration = Duration::from_secs(3600);
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How often in a row an index must be found at rest to count as built.
const QUIET_POLLS: u32 = 8;
/// Warm-up searches at once: enough for embedd to batch.
const WARM_UP_CONCURRENCY: usize = 16;

/// Loads the corpus unless the stack holds it; returns whether it had to. What an interrupted run has embedded is not
/// embedded again.
///
/// # Errors
/// When the stack does not answer, or does not take the corpus.
pub(crate) async fn prepare(session: &Session, args: &Args) -> anyhow::Result<bool> {
    let ends = Ends::of(args)?;
    if ends.are_held(session, args.workers).await? {
        say(&format!("The index {CORPUS} holds these {} workers.", args.workers));
        return Ok(false);
    }
    match unfinished_job(session).await? {
        Some(job_id) => follow(session, &job_id).await?,
        None => load(session, args).await?,
    }
    ensure!(
        ends.are_held(session, args.workers).await?,
        "the index {CORPUS} does not hold what was just put into it"
    );
    settle(session).await?;
    Ok(true)
}

/// The first and the last worker of a corpus.
struct Ends(Vec<Worker>);

impl Ends {
    fn of(args: &Args) -> anyhow::Result<Self> {
        let last = usize::try_from(args.workers)?.saturating_sub(1);
        let workers = corpus::workers(args.workers, args.seed)?;
        Ok(Self(
            workers.enumerate().filter(|(at, _)| *at == 0 || *at == last).map(|(_, worker)| worker).collect(),
        ))
    }

    /// Whether the index has so many workers, the first and the last of them as they are generated, and so all of them.
    async fn are_held(&self, session: &Session, count: u64) -> anyhow::Result<bool> {
        let vectord = session.peers.vectord();
        match vectord.index(&session.call(PATIENCE), CORPUS).await {
            Ok(info) if (info.count as u64) < count => return Ok(false),
            Ok(_) => {}
            Err(error) if error.is(ErrorCode::NotFound) => return Ok(false),
            Err(error) => return Err(error).context(format!("look at the index {CORPUS}")),
        }
        for worker in &self.0 {
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
}

async fn load(session: &Session, args: &Args) -> anyhow::Result<()> {
    say(&format!("Putting {} generated workers into the table {TABLE}.", args.workers));
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
    let request = IndexJobRequest {
        table: TABLE.to_owned(),
        id_column: ID_COLUMN.to_owned(),
        text_template: TEXT_TEMPLATE.to_owned(),
        metadata_columns: METADATA_COLUMNS.map(str::to_owned).to_vec(),
        index: CORPUS.to_owned(),
        follow: false,
    };
    let job_id = session.peers.ingestd().submit_index_job(&session.call(PATIENCE), &request).await?.job_id;
    follow(session, &job_id).await
}

/// The job that an interrupted run has left: ingestd has taken it up again by itself.
async fn unfinished_job(session: &Session) -> anyhow::Result<Option<String>> {
    let jobs = session.peers.ingestd().index_jobs(&session.call(PATIENCE)).await?.jobs;
    let is_ours = |table: &str, index: &str| table == TABLE && index == CORPUS;
    let unfinished = jobs.into_iter().find(|job| {
        is_ours(&job.table, &job.index) && matches!(job.state, IndexJobState::Queued | IndexJobState::Running)
    });
    Ok(unfinished.map(|job| job.job_id))
}

async fn follow(session: &Session, job_id: &str) -> anyhow::Result<()> {
    say(&format!("Embedding and indexing them as {CORPUS}; an interrupted run goes on where it was."));
    let ingestd = session.peers.ingestd();
    let mut shown = None;
    loop {
        let job = ingestd.index_job(&session.call(PATIENCE), job_id).await?;
        if job.done > 0 {
            // What an earlier run has done is no part of the rate.
            let left = usize::try_from(job.total.saturating_sub(job.done))?;
            let (progress, done) = shown.get_or_insert_with(|| (Progress::new(left, "workers"), job.done));
            progress.end(usize::try_from(job.done.saturating_sub(*done))?);
            progress.begin("");
            *done = job.done;
        }
        match job.state {
            IndexJobState::Queued | IndexJobState::Running => tokio::time::sleep(POLL_INTERVAL).await,
            IndexJobState::Succeeded => return Ok(()),
            state => bail!("index job {job_id} is {state:?}: {}", job.error.unwrap_or_default()),
        }
    }
}

/// Waits until nothing is built in the background any more.
async fn settle(session: &Session) -> anyhow::Result<()> {
    say("Waiting for the graph.");
    let (vectord, mut quiet) = (session.peers.vectord(), 0);
    while quiet < QUIET_POLLS {
        tokio::time::sleep(POLL_INTERVAL).await;
        let info = vectord.index(&session.call(PATIENCE), CORPUS).await?;
        quiet = if info.status == IndexStatus::Ready { quiet + 1 } else { 0 };
    }
    Ok(())
}

/// Has every query embedded, so that a run measures a stack that has been in use.
///
/// # Errors
/// When a search fails.
pub(crate) async fn warm_up(session: &Session, plan: &Plan) -> anyhow::Result<()> {
    let matrixd = session.peers.matrixd();
    let progress = Progress::new(plan.queries.len(), "queries embedded");
    let searches = plan.queries.iter().map(|query| {
        let (matrixd, ctx) = (&matrixd, session.call(PATIENCE));
        let progress = &progress;
        async move {
            progress.begin("");
            matrixd.search(&ctx, &search(query)).await?;
            progress.end(1);
            Ok(())
        }
    });
    stream::iter(searches).buffer_unordered(WARM_UP_CONCURRENCY).try_collect().await
}
