//! Group commit: concurrent writers share one sync of the log.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

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

/// Writers queue their changes, then compete for the lock of `W`. Who gets it commits everything that is queued;
/// while it waits for the disk, the next group gathers.
#[derive(Debug)]
pub(crate) struct GroupCommit<W> {
    queue: Mutex<VecDeque<Waiting>>,
    writer: Mutex<W>,
}

impl<W> GroupCommit<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { queue: Mutex::default(), writer: Mutex::new(writer) }
    }

    /// Runs `work` while no commit is under way.
    pub(crate) fn exclusively<T>(&self, work: impl FnOnce(&mut W) -> T) -> T {
        work(&mut self.writer.lock())
    }

    /// Returns what became of `op` in the commit that it was part of. `commit` resolves every change it is given.
    pub(crate) fn submit(&self, op: Op, bytes: usize, commit: impl Fn(&mut W, Vec<Waiting>)) -> Outcome {
        let outcome = Arc::default();
        self.queue.lock().push_back(Waiting { op, bytes, outcome: Arc::clone(&outcome) });
        loop {
            let mut writer = self.writer.lock();
            if let Some(outcome) = outcome.lock().take() {
                return outcome;
            }
            let group = self.next_group();
            if group.is_empty() {
                // A panic in the commit that took it: the lock was released, the outcome never written.
                return Err(Error::Abandoned);
            }
            commit(&mut writer, group);
        }
    }

    fn next_group(&self) -> Vec<Waiting> {
        let mut queue = self.queue.lock();
        let mut bytes = 0;
        let count = queue
            .iter()
            .take_while(|waiting| {
                let is_first = bytes == 0;
                bytes += waiting.bytes.max(1);
                is_first || bytes <= MAX_COMMIT_BYTES
            })
            .count();
        queue.drain(..count).collect()
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
                                while commits.queue.lock().len() + group.len() < WRITERS {
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
    fn group_is_cut_behind_its_largest_size_and_never_empty() {
        let commits = GroupCommit::new(());
        let outcome = Arc::default();
        for bytes in [MAX_COMMIT_BYTES * 2, 1, MAX_COMMIT_BYTES] {
            let outcome = Arc::clone(&outcome);
            commits.queue.lock().push_back(Waiting { op: Op::Delete(Vec::new()), bytes, outcome });
        }
        assert_eq!(commits.next_group().len(), 1);
        assert_eq!(commits.next_group().len(), 1);
        assert_eq!(commits.next_group().len(), 1);
        assert!(commits.next_group().is_empty());
    }
}
