//! Versions of indexes that vectord has given its word for: docs/decisions/0055-leases.md.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wire::vectors::IndexVersion;

/// The versions that hold for a little longer, by index.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<HashMap<String, (IndexVersion, Instant)>>);

impl Leases {
    /// The versions of `indexes` at `now`, in order, if vectord has given its word for each of them.
    pub(crate) fn versions<'a>(
        &self,
        indexes: impl Iterator<Item = &'a str>,
        now: Instant,
    ) -> Option<Vec<IndexVersion>> {
        let leases = self.0.lock();
        let held =
            |index| leases.get(index).filter(|(_, ends)| now < *ends).map(|(version, _)| version.clone());
        indexes.map(held).collect()
    }

    /// Keeps those of `versions` that have a lease. It counts from before the call that began at `asked`, so that it ends
    /// here before it does in vectord.
    pub(crate) fn keep(&self, versions: Vec<IndexVersion>, asked: Instant) {
        let mut leases = self.0.lock();
        leases.retain(|_, (_, ends)| asked < *ends);
        for version in versions {
            let Some(lease_ms) = version.lease_ms else { continue };
            if let Some(ends) = asked.checked_add(Duration::from_millis(lease_ms)) {
                leases.insert(version.index.clone(), (version, ends));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(index: &str, version: u64, lease_ms: Option<u64>) -> IndexVersion {
        IndexVersion { index: index.into(), version, lease_ms, ..IndexVersion::default() }
    }

    fn held(leases: &Leases, indexes: &[&str], now: Instant) -> Option<Vec<u64>> {
        let versions = leases.versions(indexes.iter().copied(), now)?;
        Some(versions.into_iter().map(|version| version.version).collect())
    }

    #[test]
    fn version_is_relied_on_from_the_call_until_its_lease_ends_and_never_without_one() {
        let asked = Instant::now();
        let at = |ms| asked + Duration::from_millis(ms);
        let leases = Leases::default();
        leases.keep(vec![version("a", 1, Some(20)), version("b", 2, Some(30)), version("c", 3, None)], asked);
        assert_eq!(held(&leases, &["b", "a"], at(19)), Some(vec![2, 1]));
        assert_eq!(held(&leases, &["b", "a"], at(20)), None);
        assert_eq!(held(&leases, &["b"], at(20)), Some(vec![2]));
        assert_eq!(held(&leases, &["c"], at(0)), None);
        assert_eq!(held(&leases, &["d"], at(0)), None);
    }

    #[test]
    fn leases_that_are_over_take_no_room() {
        let asked = Instant::now();
        let leases = Leases::default();
        leases.keep(vec![version("a", 1, Some(20))], asked);
        leases.keep(vec![version("b", 1, Some(20))], asked + Duration::from_millis(20));
        assert_eq!(leases.0.lock().len(), 1);
    }
}
