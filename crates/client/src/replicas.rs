//! Where a daemon runs: in one place, or in several that take turns.

use std::sync::atomic::{
    AtomicU32, AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Relaxed},
};
use std::time::{Duration, Instant};

use transport::Origin;

/// How long a replica is passed over that did not take a connection; doubled each further time, up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(1);
/// Long enough that a machine that swallows packets costs few callers the time to connect, short enough to come back by itself.
const LONGEST_REST: Duration = Duration::from_secs(16);

/// The replicas of one daemon and which of them answer. Shared by all clients of the daemon.
#[derive(Debug)]
pub(crate) struct Replicas {
    all: Vec<Replica>,
    turn: AtomicUsize,
    since: Instant,
}

/// One place.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) origin: Origin,
    /// Milliseconds since [`Replicas::since`].
    rests_until_ms: AtomicU64,
    failures: AtomicU32,
}

impl Replicas {
    pub(crate) fn new(origins: Vec<Origin>) -> Self {
        let replica =
            |origin| Replica { origin, rests_until_ms: AtomicU64::new(0), failures: AtomicU32::new(0) };
        Self {
            all: origins.into_iter().map(replica).collect(),
            turn: AtomicUsize::new(0),
            since: Instant::now(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.all.iter().map(|replica| &replica.origin)
    }

    /// All replicas in the order in which a call should try them: beginning with the next in turn, those that rest last.
    pub(crate) fn in_turn(&self) -> Vec<&Replica> {
        let first = self.turn.fetch_add(1, Relaxed);
        let mut order: Vec<&Replica> =
            (0..self.all.len()).map(|step| &self.all[first.wrapping_add(step) % self.all.len()]).collect();
        let now_ms = self.now_ms();
        order.sort_by_key(|replica| replica.rests_until_ms.load(Relaxed) > now_ms);
        order
    }

    /// A replica did not take a connection.
    pub(crate) fn failed(&self, replica: &Replica) {
        let before = replica.failures.fetch_add(1, AcqRel).min(8);
        let rest = (FIRST_REST * 2u32.pow(before)).min(LONGEST_REST);
        replica.rests_until_ms.store(self.now_ms() + rest.as_millis() as u64, Relaxed);
    }

    /// A replica answered.
    pub(crate) fn answered(&self, replica: &Replica) {
        if replica.failures.load(Relaxed) != 0 {
            replica.failures.store(0, Relaxed);
            replica.rests_until_ms.store(0, Relaxed);
        }
    }

    fn now_ms(&self) -> u64 {
        self.since.elapsed().as_millis() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicas(hosts: &[&str]) -> Replicas {
        Replicas::new(hosts.iter().map(|host| format!("http://{host}").parse().unwrap()).collect())
    }

    fn host(replica: &Replica) -> &str {
        replica.origin.as_str().trim_start_matches("http://")
    }

    fn first(replicas: &Replicas) -> &str {
        host(replicas.in_turn()[0])
    }

    #[test]
    fn replicas_take_turns_and_one_that_failed_comes_last_until_it_answers() {
        let replicas = replicas(&["a", "b", "c"]);
        assert_eq!(
            [first(&replicas), first(&replicas), first(&replicas), first(&replicas)],
            ["a", "b", "c", "a"]
        );
        let b = &replicas.all[1];
        replicas.failed(b);
        for _ in 0..6 {
            let order: Vec<&str> = replicas.in_turn().into_iter().map(host).collect();
            assert_eq!((order.len(), order[2]), (3, "b"));
        }
        replicas.answered(b);
        assert!((0..3).any(|_| first(&replicas) == "b"));
    }

    #[test]
    fn rest_doubles_up_to_its_bound() {
        let replicas = replicas(&["a"]);
        let a = &replicas.all[0];
        let mut rests = Vec::new();
        for _ in 0..12 {
            replicas.failed(a);
            rests.push((a.rests_until_ms.load(Relaxed) - replicas.now_ms()).div_ceil(1000));
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16]);
        // With nowhere else to go, it is tried all the same.
        assert_eq!(first(&replicas), "a");
    }
}
