//! Group commit: one thread, one transaction for all that has gathered, one sync.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::Error;

/// Writers beyond this many wait for room in the queue: memory stays bounded under any load.
const QUEUE_LEN: usize = 1024;
/// The most writes that share one commit: it bounds how long the first of them waits for the last.
const MAX_GROUP: usize = 256;

/// One queued write: runs in its savepoint, or not at all if there is no transaction to run in.
type Job = Box<dyn FnOnce(Result<&Transaction<'_>, Error>) -> Ran + Send>;
/// Answers the caller, once it is known how the commit went.
type Settle = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// A write that has run and is not committed yet.
struct Ran {
    is_ok: bool,
    settle: Settle,
}

enum Message {
    Write(Job),
    /// Finish; the sender is dropped once the database is closed.
    Close(oneshot::Sender<()>),
}

/// The queue in front of the writer thread.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    pub(crate) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, messages) = mpsc::channel(QUEUE_LEN);
        let commits = Arc::new(AtomicU64::new(0));
        let thread = WriterThread { connection, commits: Arc::clone(&commits) };
        std::thread::Builder::new().name("ledger-writer".to_owned()).spawn(move || thread.run(messages))?;
        Ok(Self { queue, commits })
    }

    pub(crate) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |transaction| {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(transaction?)))
                .unwrap_or_else(|_| Err(Error::Panicked.into()));
            let is_ok = outcome.is_ok();
            let settle = move |commit: Result<(), Error>| {
                // A caller that has stopped waiting gets no answer.
                let _ = answer.send(outcome.and_then(|value| commit.map(|()| value).map_err(E::from)));
            };
            Ran { is_ok, settle: Box::new(settle) }
        });
        self.queue.send(Message::Write(job)).await.map_err(|_| Error::Closed)?;
        answered.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub(crate) async fn close(&self) {
        let (done, is_done) = oneshot::channel();
        // Both fail where there is nothing to wait for: it is closed already, or `done` was dropped at the end.
        let _ = self.queue.send(Message::Close(done)).await;
        let _ = is_done.await;
    }
}

struct WriterThread {
    connection: Connection,
    commits: Arc<AtomicU64>,
}

impl WriterThread {
    /// Ends when the [`Writer`] is gone or has said `Close`, and the queue is empty.
    fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut waiting_for_end = Vec::new();
        let mut group = Vec::with_capacity(MAX_GROUP);
        while messages.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
            let mut jobs = Vec::with_capacity(group.len());
            for message in group.drain(..) {
                match message {
                    Message::Write(job) => jobs.push(job),
                    Message::Close(done) => {
                        messages.close();
                        waiting_for_end.push(done);
                    }
                }
            }
            let mut jobs = jobs.into_iter();
            while jobs.len() > 0 {
                self.commit_group(&mut jobs);
            }
        }
        // Closing the last connection moves the write-ahead log into the database.
        drop(self);
        drop(waiting_for_end);
    }

    /// Runs jobs until none is left or the transaction is lost, commits, and answers those that ran.
    fn commit_group(&mut self, jobs: &mut std::vec::IntoIter<Job>) {
        let started = Instant::now();
        let transaction = match self.connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => transaction,
            Err(error) => return refuse(jobs, &error.into()),
        };
        let mut settlements = Vec::with_capacity(jobs.len());
        let mut outcome = Ok(());
        while outcome.is_ok()
            && let Some(job) = jobs.next()
        {
            let (settle, ended) = run_in_savepoint(&transaction, job);
            settlements.push(settle);
            outcome = ended;
        }
        // Without the commit, the transaction is rolled back as it is dropped.
        let outcome = outcome.and_then(|()| transaction.commit().map_err(Error::from));
        if outcome.is_ok() {
            self.commits.fetch_add(1, Ordering::Relaxed);
            metrics::histogram!("ledger_commit_seconds").record(started.elapsed());
            metrics::counter!("ledger_writes_total").increment(settlements.len() as u64);
        }
        for settle in settlements {
            settle(outcome.clone());
        }
    }
}

/// Runs one job and closes its savepoint, undoing the job's writes if it failed.
///
/// The savepoint cannot be closed when SQLite has undone the whole transaction by itself, as it does on a full disk
/// (<https://www.sqlite.org/lang_transaction.html>, section 3): nothing may run or be committed after that.
fn run_in_savepoint(transaction: &Transaction<'_>, job: Job) -> (Settle, Result<(), Error>) {
    if let Err(error) = transaction.execute_batch("SAVEPOINT job") {
        return (job(Err(error.into())).settle, Err(Error::GroupLost));
    }
    let Ran { is_ok, settle } = job(Ok(transaction));
    let end = if is_ok { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    (settle, transaction.execute_batch(end).map_err(|_| Error::GroupLost))
}

/// Answers all jobs with `error`; none runs.
fn refuse(jobs: &mut std::vec::IntoIter<Job>, error: &Error) {
    for job in jobs {
        (job(Err(error.clone())).settle)(Ok(()));
    }
}
