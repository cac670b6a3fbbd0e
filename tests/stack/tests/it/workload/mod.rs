//! Writes whose acknowledgements are remembered, to be looked for after a crash.
//!
//! Several writers write at once. What a writer does in its step `n` follows from its number and `n` alone, so that the
//! number of steps acknowledged to it says what must be found: all that those did. The step that was under way when the
//! daemon died may have happened or not.

mod events;
mod objects;
mod pathways;
mod rows;
mod vectors;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::ensure;
use testkit::{Reply, Stack, wait_for};
use tokio::task::JoinSet;
use wire::DaemonName;

pub(crate) use events::Events;
pub(crate) use objects::Objects;
pub(crate) use pathways::Pathways;
pub(crate) use rows::Rows;
pub(crate) use vectors::Vectors;

/// How many write at the same time.
const WRITERS: usize = 6;
/// How long the writers may take to collect the acknowledgements that a test wants.
const WRITING_LIMIT: Duration = Duration::from_secs(60);

/// One write: step `n` of a writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Step {
    pub(crate) writer: usize,
    pub(crate) n: usize,
}

impl Step {
    /// A text that no other step has.
    pub(crate) fn name(self) -> String {
        format!("w{}-{}", self.writer, self.n)
    }
}

/// A kind of write to some daemons.
pub(crate) trait Workload: Sized + Send + Sync + 'static {
    /// The daemons that it needs, to write and to look.
    const DAEMONS: &'static [DaemonName];

    /// Speaks to these daemons, and creates what is written to unless it is there.
    async fn connect(stack: &Stack) -> anyhow::Result<Self>;

    /// Does one step and returns the answer to it.
    fn write(&self, step: Step) -> impl Future<Output = anyhow::Result<Reply>> + Send;

    /// Fails unless everything that `acknowledged` steps did is there.
    async fn verify(&self, acknowledged: &Acknowledged) -> anyhow::Result<()>;
}

/// How many steps each writer had acknowledged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Acknowledged(Vec<usize>);

impl Acknowledged {
    /// All steps that were acknowledged.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step> {
        self.by_writer().flat_map(|(writer, steps)| steps.map(move |n| Step { writer, n }))
    }

    /// The same for each writer; the step behind the range was under way, or refused.
    pub(crate) fn by_writer(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        self.0.iter().enumerate().map(|(writer, count)| (writer, 0..*count))
    }

    fn total(&self) -> usize {
        self.0.iter().sum()
    }
}

/// Does the first `steps` steps of one writer, one after the other.
pub(crate) async fn write_in_turn<W: Workload>(workload: &W, steps: usize) -> anyhow::Result<Acknowledged> {
    for n in 0..steps {
        let reply = workload.write(Step { writer: 0, n }).await?;
        ensure!(reply.is_success(), "step {n}: {reply}");
    }
    Ok(Acknowledged(vec![steps]))
}

/// Lets the writers go on from where `before` ended, calls `crash` once `wanted` more steps are acknowledged, and returns
/// what is acknowledged in all when every writer has been refused or cut off.
pub(crate) async fn write_until<W: Workload>(
    workload: W,
    before: &Acknowledged,
    wanted: usize,
    crash: impl AsyncFnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Acknowledged> {
    let workload = Arc::new(workload);
    let counter = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (workload, counter) = (Arc::clone(&workload), Arc::clone(&counter));
        // A step that was under way at the last crash may have happened: it is done over, which must do no harm.
        let first = before.0.get(writer).copied().unwrap_or(0);
        writers.spawn(async move {
            let mut n = first;
            loop {
                match workload.write(Step { writer, n }).await {
                    Ok(reply) if reply.is_success() => counter.fetch_add(1, Ordering::Relaxed),
                    Ok(refused) => return (writer, n, refused.to_string()),
                    Err(cut_off) => return (writer, n, format!("{cut_off:#}")),
                };
                n += 1;
            }
        });
    }
    let enough = async || {
        let count = counter.load(Ordering::Relaxed);
        ensure!(count >= wanted, "{count} of {wanted}, {} of {WRITERS} still writing", writers.len());
        Ok(())
    };
    let written = wait_for("acknowledged writes", WRITING_LIMIT, enough).await;
    crash().await?;
    let mut acknowledged = vec![0; WRITERS];
    let mut ends = Vec::new();
    while let Some(ended) = writers.join_next().await {
        let (writer, count, why) = ended?;
        acknowledged[writer] = count;
        ends.push(why);
    }
    written.map_err(|error| error.context(format!("writers ended with {ends:#?}")))?;
    let acknowledged = Acknowledged(acknowledged);
    ensure!(acknowledged.total() >= before.total() + wanted, "{acknowledged:?} after {before:?}");
    Ok(acknowledged)
}
