//! Group commit: concurrent writers share one sync of the log.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::error::Error;
use crate::ops::{Changed, Op};

/// Commits are cut off behind the change that makes them this large.
const MAX_COMMIT_BYTES: usize = 32 << 20;

type Outcome = Result<Changed, Error>;

/// What a writer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// The change is in the log.
    Durable,
    /// Searches see it too.
    Visible,
}

/// A change that waits for its commit, and the place for what becomes of it.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) op: Op,
    bytes: usize,
    until: Until,
    outcome: Arc<Mutex<Option<Outcome>>>,
}

impl Waiting {
    /// A change, and where its outcome will be.
    pub(crate) fn new(op: Op, bytes: usize, until: Until) -> (Self, Arc<Mutex<Option<Outcome>>>) {
        let outcome = Arc::default();
        (Self { op, bytes, until, outcome: Arc::clone(&outcome) }, outcome)
    }

    /// The change is in the log, and will raise the version of the index to `version`.
    fn acknowledge(&self, version: u64) {
        if self.until == Until::Durable {
            *self.outcome.lock() = Some(Ok(Changed { version, ..Changed::default() }));
        }
    }

    pub(crate) fn resolve(self, outcome: Outcome) {
        *self.outcome.lock() = Some(outcome);
    }
}

/// Writers queue their changes. The first to find no commit under way leads one, of everything that is queued; while
/// it waits for the disk, the next group gathers.
#[derive(Debug)]
pub(crate) struct GroupCommit<W> {
    queue: Mutex<Queue>,
    /// There are outcomes to take, or a commit has ended and a leader is wanted.
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

    /// Lets those writers of a group go on that wait for nothing more than the log. The first change of the group makes
    /// the version of the index `first_version`.
    pub(crate) fn acknowledge(&self, group: &[Waiting], first_version: u64) {
        group.iter().zip(first_version..).for_each(|(waiting, version)| waiting.acknowledge(version));
        // With the lock, so that nobody looks before and waits after.
        let _queue = self.queue.lock();
        self.ended.notify_all();
    }

    /// Returns what became of `op` in the commit that it was part of. `commit` resolves every change it is given.
    pub(crate) fn submit(
        &self,
        op: Op,
        bytes: usize,
        until: Until,
        commit: impl Fn(&mut W, Vec<Waiting>),
    ) -> Outcome {
        let (waiting, outcome) = Waiting::new(op, bytes, until);
        let mut queue = self.queue.lock();
        queue.waiting.push_back(waiting);
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
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;

    #[test]
    fn writers_that_arrive_during_a_commit_share_the_next_one() {
        const WRITERS: usize = 16;
        let commits = GroupCommit::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| {
                    let commit = |sizes: &mut Vec<usize>, group: Vec<Waiting>| {
                        if sizes.is_empty() {
                            // Hold the first commit open until all others have queued.
                            while commits.queue.lock().waiting.len() + group.len() < WRITERS {
                                std::thread::yield_now();
                            }
                        }
                        sizes.push(group.len());
                        group.into_iter().for_each(|waiting| waiting.resolve(Ok(Changed::default())));
                    };
                    commits.submit(Op::Delete(Vec::new()), 8, Until::Visible, commit).unwrap();
                });
            }
        });
        let sizes = commits.writer.into_inner();
        assert_eq!(sizes.iter().sum::<usize>(), WRITERS);
        assert!(sizes.len() <= 2, "{sizes:?}");
    }

    #[test]
    fn writer_that_does_not_wait_goes_on_when_its_change_is_in_the_log() {
        let commits = GroupCommit::new(());
        let (waiting, early) = Waiting::new(Op::Delete(Vec::new()), 8, Until::Durable);
        commits.queue.lock().waiting.push_back(waiting);
        let has_gone_on = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                commits.ended.wait_while(&mut commits.queue.lock(), |_| early.lock().is_none());
                has_gone_on.store(true, Relaxed);
            });
            let outcome = commits.submit(Op::Delete(Vec::new()), 8, Until::Visible, |(), group| {
                commits.acknowledge(&group, 41);
                assert!(group[1].outcome.lock().is_none(), "the other wants to be visible");
                // This commit goes on only when that writer has.
                while !has_gone_on.load(Relaxed) {
                    std::thread::yield_now();
                }
                let changed = Changed { added: 7, ..Changed::default() };
                group.into_iter().skip(1).for_each(|waiting| waiting.resolve(Ok(changed)));
            });
            assert_eq!(outcome.unwrap().added, 7, "the other has waited");
        });
        assert_eq!(early.lock().take().unwrap().unwrap(), Changed { version: 41, ..Changed::default() });
    }

    #[test]
    fn commit_that_panics_fails_its_own_writer_and_no_other() {
        let commits = GroupCommit::new(());
        let panicking = std::panic::AssertUnwindSafe(|| {
            commits.submit(Op::Delete(Vec::new()), 8, Until::Visible, |(), _| panic!("a fault of ours"))
        });
        assert!(std::panic::catch_unwind(panicking).is_err());
        let next = commits.submit(Op::Delete(Vec::new()), 8, Until::Visible, |(), group| {
            group.into_iter().for_each(|waiting| waiting.resolve(Ok(Changed::default())));
        });
        assert!(next.is_ok());
    }

    #[test]
    fn group_is_cut_behind_its_largest_size_and_never_empty() {
        let mut queue = Queue::default();
        for bytes in [MAX_COMMIT_BYTES * 2, 1, MAX_COMMIT_BYTES] {
            queue.waiting.push_back(Waiting::new(Op::Delete(Vec::new()), bytes, Until::Visible).0);
        }
        assert_eq!([queue.next_group().len(), queue.next_group().len(), queue.next_group().len()], [1, 1, 1]);
        assert!(queue.next_group().is_empty());
    }
}
