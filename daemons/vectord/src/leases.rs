//! Leases: vectord's word that an index does not change for a little longer.
//!
//! Who keeps answers asks for versions, and may rely on them without asking again for as long as a lease lasts. A change
//! is made at once, and acknowledged only when the leases are over that were given before; so whatever was acknowledged
//! before a request is in its answer, with a lease as without. Gray and Cheriton, "Leases: An Efficient Fault-Tolerant
//! Mechanism for Distributed File Cache Consistency", 1989. Ours are so short that nobody is asked to give one back, and
//! an index that changes often gives none: only the first change after a quiet while waits.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How long a lease lasts, and so the longest that a change waits for its acknowledgement.
const LENGTH: Duration = Duration::from_millis(20);
/// For so long after a change an index gives no lease: there will be another.
const QUIET: Duration = Duration::from_millis(250);

/// Of one index.
#[derive(Debug, Clone, Copy)]
struct Lease {
    ends: Instant,
    changed: Option<Instant>,
}

/// The leases of all indexes, by name.
#[derive(Debug)]
pub(crate) struct Leases {
    by_index: Mutex<HashMap<String, Lease>>,
    /// When those are over that the process before this one may have given.
    inherited_end: Instant,
}

impl Leases {
    /// None yet, in a process that started not after `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self { by_index: Mutex::default(), inherited_end: now + LENGTH }
    }

    /// A lease of `index`, from `now` on, unless it has just changed. The version is to be read afterwards.
    pub(crate) fn grant(&self, index: &str, now: Instant) -> Option<Duration> {
        let mut by_index = self.by_index.lock();
        if let Some(lease) = by_index.get_mut(index) {
            if lease.changed.is_some_and(|changed| now.saturating_duration_since(changed) < QUIET) {
                return None;
            }
            lease.ends = lease.ends.max(now + LENGTH);
        } else {
            by_index.insert(index.to_owned(), Lease { ends: now + LENGTH, changed: None });
        }
        Some(LENGTH)
    }

    /// Notes that `index` has changed, and says when that may be acknowledged.
    pub(crate) fn changed(&self, index: &str, now: Instant) -> Instant {
        let mut by_index = self.by_index.lock();
        let Some(lease) = by_index.get_mut(index) else {
            return self.inherited_end;
        };
        lease.changed = Some(now);
        lease.ends.max(self.inherited_end)
    }

    /// Forgets an index that is gone, unless there is another of its name already.
    pub(crate) fn forget(&self, index: &str, now: Instant) {
        let mut by_index = self.by_index.lock();
        if by_index.get(index).is_some_and(|lease| lease.ends <= now) {
            by_index.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_is_acknowledged_when_the_last_lease_before_it_is_over() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let leases = Leases::new(start);
        for ms in [1000, 1015] {
            assert_eq!(leases.grant("w", at(ms)), Some(LENGTH));
        }
        assert!(leases.changed("other", at(1016)) <= at(1016));
        assert_eq!(leases.changed("w", at(1016)), at(1015) + LENGTH);
    }

    #[test]
    fn index_that_has_just_changed_gives_no_lease_and_its_next_change_does_not_wait() {
        let start = Instant::now();
        let leases = Leases::new(start);
        let changed = start + QUIET;
        leases.grant("w", changed);
        leases.changed("w", changed);
        let soon = changed + QUIET - Duration::from_millis(1);
        assert_eq!(leases.grant("w", soon), None);
        assert!(leases.changed("w", soon) <= soon);
        assert_eq!(leases.grant("w", soon + QUIET), Some(LENGTH));
    }

    #[test]
    fn leases_of_the_process_before_are_waited_for() {
        let start = Instant::now();
        assert_eq!(Leases::new(start).changed("w", start), start + LENGTH);
    }
}
