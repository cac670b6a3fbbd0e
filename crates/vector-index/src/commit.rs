//! Group commit: concurrent writers share one sync of the log.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::error::Error;
use crate::ops::{Changed, Op};

/// Commits are cut off behind the change that makes them this large.
const MAX_COMMIT_BYTES: usize = 32 << 20;

type Outcome = Result<Changed, Error>;

/// A change that waits for its commit, and the place for what becomes of it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) op: Op,
    bytes: usize,
    outcome: Arc<Mutex<Option<Outcome>>>,
}

impl Waiting {
    pub(crate) fn resolve(self, outcome: Outcome) {
        *self.outcome.lock() = Some(outcome);
    }
}

/// Writers queue their changes. The first to find no commit under way leads one, of everything that is queued; while
/// it waits for the disk, the next group gathers.
#[derive(Debug)]
pub(crate) struct GroupCommit<W> {
    queue: Mutex<Queue>,
    /// A commit has ended: there are outcomes to take, and a leader is wanted.
    ended: Condvar,
    writer: Mutex<W>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    is_committing: bool,
}

impl<W> GroupCommit<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { queue: Mutex::default(), ended: Condvar::new(), writer: Mutex::new(writer) }
    }

    /// Runs `work` while no commit is under way.
    pub(crate) fn exclusively<T>(&self, work: impl FnOnce(&mut W) -> T) -> T {
        work(&mut self.writer.lock())
    }

    /// Returns what became of `op` in the commit that it was part of. `commit` resolves every change it is given.
    pub(crate) fn submit(&self, op: Op, bytes: usize, commit: impl Fn(&mut W, Vec<Waiting>)) -> Outcome {
        let outcome: Arc<Mutex<Option<Outcome>>> = Arc::default();
        let mut queue = self.queue.lock();
        queue.waiting.push_back(Waiting { op, bytes, outcome: Arc::clone(&outcome) });
        loop {
            if let Some(outcome) = outcome.lock().take() {
                return outcome;
            }
            if queue.is_committing {
                self.ended.wait(&mut queue);
                continue;
            }
            let group = queue.next_group();
            if group.is_empty() {
                // The commit that took this change panicked before it wrote the outcome.
                return Err(Error::Abandoned);
            }
            queue.is_committing = true;
            MutexGuard::unlocked(&mut queue, || {
                let _leading = Leading(self);
                commit(&mut self.writer.lock(), group);
            });
        }
    }
}

/// Ends a commit, also one that panics.
struct Leading<'a, W>(&'a GroupCommit<W>);

impl<W> Drop for Leading<'_, W> {
    fn drop(&mut self) {
        self.0.queue.lock().is_committing = false;
        self.0.ended.notify_all();
    }
}

impl Queue {
    fn next_group(&mut self) -> Vec<Waiting> {
        let mut bytes = 0;
        let group = self.waiting.iter().take_while(|waiting| {
            let is_first = bytes == 0;
            bytes += waiting.bytes.max(1);
            is_first || bytes <= MAX_COMMIT_BYTES
        });
        let count = group.count();
        self.waiting.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_that_arrive_during_a_commit_share_the_next_one() {
        const WRITERS: usize = 16;
        let commits = GroupCommit::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| {
                    let outcome =
                        commits.submit(Op::Delete(Vec::new()), 8, |sizes: &mut Vec<usize>, group| {
                            if sizes.is_empty() {
                                // Hold the first commit open until all others have queued.
                                while commits.queue.lock().waiting.len() + group.len() < WRITERS {
                                    std::thread::yield_now();
                                }
                            }
                            sizes.push(group.len());
                            group.into_iter().for_each(|waiting| waiting.resolve(Ok(Changed::default())));
                        });
                    outcome.unwrap();
                });
            }
        });
        let sizes = commits.writer.into_inner();
        assert_eq!(sizes.iter().sum::<usize>(), WRITERS);
        assert!(sizes.len() <= 2, "{sizes:?}");
    }

    #[test]
    fn commit_that_panics_fails_its_own_writer_and_no_other() {
        let commits = GroupCommit::new(());
        let panicking = std::panic::AssertUnwindSafe(|| {
            commits.submit(Op::Delete(Vec::new()), 8, |(), _| panic!("a fault of ours"))
        });
        assert!(std::panic::catch_unwind(panicking).is_err());
        let next = commits.submit(Op::Delete(Vec::new()), 8, |(), group| {
            group.into_iter().for_each(|waiting| waiting.resolve(Ok(Changed::default())));
        });
        assert!(next.is_ok());
    }

    #[test]
    fn group_is_cut_behind_its_largest_size_and_never_empty() {
        let mut queue = Queue::default();
        for bytes in [MAX_COMMIT_BYTES * 2, 1, MAX_COMMIT_BYTES] {
            queue.waiting.push_back(Waiting { op: Op::Delete(Vec::new()), bytes, outcome: Arc::default() });
        }
        assert_eq!([queue.next_group().len(), queue.next_group().len(), queue.next_group().len()], [1, 1, 1]);
        assert!(queue.next_group().is_empty());
    }
}
