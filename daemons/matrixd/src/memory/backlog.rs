//! Lessons whose item in the index is behind the log: they wait here, in memory and bounded, until vectord takes them.
//!
//! What a crash or a full backlog loses is the place in the index, never the recording: `rebuild` restores it.

use std::time::Duration;

use service::{Env, Readiness};
use tokio::sync::mpsc;
use wire::context::Secret;
use wire::{CallContext, ErrorCode};

use super::Memory;

/// The wait after the first failure; doubled for each further one up to [`LAST_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LAST_BACKOFF: Duration = Duration::from_secs(15);
/// How long one attempt may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Under this name `/readyz` says that recordings wait.
const CONDITION: &str = "playbook_memory";

struct Job {
    lesson: String,
    /// Every hop judges the caller itself, also later: the service token, or the token that the request came with.
    token: Option<Secret>,
}

/// The way into the backlog.
pub(crate) struct Backlog {
    jobs: mpsc::Sender<Job>,
    service_token: Option<Secret>,
}

impl Backlog {
    /// A backlog of at most `capacity` lessons, and the task that works it off.
    pub(crate) fn spawn(capacity: usize, memory: Memory, env: &Env) -> Self {
        let (jobs, waiting) = mpsc::channel(capacity);
        let worker = Worker { memory, readiness: env.readiness.clone() };
        env.tasks.spawn(env.shutdown.clone().run_until_cancelled_owned(worker.run(waiting)));
        Self { jobs, service_token: env.service_token.secret() }
    }

    /// Settles `lesson`, for a request that came with the token `callers`, later.
    pub(crate) fn push(&self, lesson: String, callers: Option<Secret>) {
        let token = self.service_token.clone().or(callers);
        metrics::gauge!("matrixd_playbook_backlog").increment(1);
        if self.jobs.try_send(Job { lesson, token }).is_err() {
            metrics::gauge!("matrixd_playbook_backlog").decrement(1);
            metrics::counter!("matrixd_playbook_backlog_dropped_total").increment(1);
            tracing::error!("the backlog is full: run `lakectl playbooks rebuild` once vectord is back");
        }
    }
}

struct Worker {
    memory: Memory,
    readiness: Readiness,
}

impl Worker {
    async fn run(self, mut waiting: mpsc::Receiver<Job>) {
        while let Some(job) = waiting.recv().await {
            self.finish(&job).await;
            metrics::gauge!("matrixd_playbook_backlog").decrement(1);
            if waiting.is_empty() {
                self.readiness.restore(CONDITION);
            }
        }
    }

    /// Repeats until the lesson is settled, or until it is clear that it never will be.
    async fn finish(&self, job: &Job) {
        let mut backoff = FIRST_BACKOFF;
        while let Err(error) = self.settle(job).await {
            if !may_succeed_later(&error) {
                tracing::error!(job.lesson, %error, "settle lesson: given up, the log keeps its recordings");
                metrics::counter!("matrixd_playbook_backlog_dropped_total").increment(1);
                return;
            }
            self.readiness.degrade(CONDITION, format!("recordings wait to be indexed: {error}"));
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(LAST_BACKOFF);
        }
    }

    async fn settle(&self, job: &Job) -> client::Result<()> {
        let ctx = CallContext::root(ATTEMPT_TIMEOUT).with_token(job.token.clone());
        self.memory.settle(&ctx, &job.lesson).await
    }
}

/// A refusal stays one; everything else may pass.
fn may_succeed_later(error: &client::Error) -> bool {
    let refusals = [
        ErrorCode::InvalidArgument,
        ErrorCode::AlreadyExists,
        ErrorCode::Unauthenticated,
        ErrorCode::PermissionDenied,
    ];
    !error.problem().is_some_and(|problem| refusals.contains(&problem.code))
}
