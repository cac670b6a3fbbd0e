//! The task that writes records to observerd, many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use client::Observerd;
use service::Env;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use wire::context::Secret;
use wire::observer::{Event, Record};
use wire::{CallContext, ErrorCode};

use super::count_dropped;

/// Events of one request; observerd takes more.
const MAX_BATCH: usize = 256;
/// How long observerd may take for one.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the last records may take at the end.
const LAST: Duration = Duration::from_secs(5);
/// How often, at most, the log is told of records that were dropped.
const WARN_INTERVAL: Duration = Duration::from_secs(60);

/// The running task.
#[derive(Debug)]
pub(crate) struct Writer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Writer {
    pub(super) fn spawn(env: &Env, events: mpsc::Receiver<Event>, dropped: Arc<AtomicU64>) -> Self {
        let (observerd, token) = (env.peers.observerd(), env.service_token.secret());
        let work = Work { observerd, token, events, dropped, told: 0, warned: None };
        let (stop, stopped) = oneshot::channel();
        Self { stop, task: tokio::spawn(work.run(stopped)) }
    }

    /// Writes what is waiting, for a while, and ends.
    pub(crate) async fn close(self) {
        // It has ended already, or will hear it.
        let _ = self.stop.send(());
        if tokio::time::timeout(LAST, self.task).await.is_err() {
            tracing::warn!("observerd did not take the last records of exchanges in time");
        }
    }
}

struct Work {
    observerd: Observerd,
    token: Option<Secret>,
    events: mpsc::Receiver<Event>,
    dropped: Arc<AtomicU64>,
    /// How many dropped ones the log has been told of, and when.
    told: u64,
    warned: Option<Instant>,
}

impl Work {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut batch = Vec::new();
        loop {
            if batch.is_empty() {
                tokio::select! {
                    biased;
                    received = self.events.recv_many(&mut batch, MAX_BATCH) => if received == 0 { return },
                    _ = &mut stopped => return,
                }
            }
            let is_done = self.write(&mut batch).await;
            self.warn();
            if !is_done {
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    _ = &mut stopped => return self.finish(batch).await,
                }
            }
        }
    }

    /// Tries all that is waiting once more.
    async fn finish(&mut self, mut batch: Vec<Event>) {
        while !batch.is_empty() {
            if !self.write(&mut batch).await {
                let left = batch.len() + self.events.len();
                count_dropped(&self.dropped, left as u64, "shutdown");
                return self.warn();
            }
            while let Ok(event) = self.events.try_recv() {
                batch.push(event);
                if batch.len() == MAX_BATCH {
                    break;
                }
            }
        }
    }

    /// Writes `batch` and empties it, or says that it has to be tried again. What observerd will never take is dropped.
    async fn write(&mut self, batch: &mut Vec<Event>) -> bool {
        let ctx = CallContext::root(PATIENCE).with_token(self.token.clone());
        let record = Record { events: std::mem::take(batch) };
        let written = self.observerd.record(&ctx, &record).await;
        let count = record.events.len() as u64;
        match written {
            Ok(_) => metrics::counter!("chatd_records_written_total").increment(count),
            Err(error) if is_refusal(&error) => {
                tracing::debug!(%error, "observerd refuses records");
                count_dropped(&self.dropped, count, "refused");
            }
            Err(error) => {
                tracing::debug!(%error, "observerd does not take records now");
                *batch = record.events;
                return false;
            }
        }
        true
    }

    /// Tells the log how many records were dropped, once in a while.
    fn warn(&mut self) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let is_time = self.warned.is_none_or(|warned| warned.elapsed() >= WARN_INTERVAL);
        if dropped > self.told && is_time {
            (self.told, self.warned) = (dropped, Some(Instant::now()));
            tracing::warn!(
                dropped,
                "exchanges were not recorded: observerd is away, too slow, or refuses them"
            );
        }
    }
}

/// Whether the same request will be refused again.
fn is_refusal(error: &client::Error) -> bool {
    use ErrorCode::{InvalidArgument, NotFound, PayloadTooLarge, PermissionDenied, Unauthenticated};
    [InvalidArgument, NotFound, PayloadTooLarge, PermissionDenied, Unauthenticated]
        .into_iter()
        .any(|code| error.is(code))
}
