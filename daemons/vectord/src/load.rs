//! How much a search will compute, guessed before it runs.

use vector_index::{Info, Query};
use wire::names::MAX_K;

/// Numbers of which a scan over codes reads so many in half a millisecond to one: 20,000 vectors of 384.
const SHORT: usize = 8_000_000;
/// Vectors that a graph search compares with, for each candidate that it keeps.
const VISITS_PER_CANDIDATE: usize = 32;
/// Numbers that could be read while the filter index answers for one item.
const NUMBERS_PER_FILTERED: usize = 50;
/// A filtered search compares with at most this part of all items: beyond, a graph search takes less.
const FILTERED_PART: usize = 4;
/// Numbers that could be read while one hit is written into the answer.
const NUMBERS_PER_HIT: usize = 2000;

/// The work of one search or several, in vector components read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load(usize);

impl Load {
    #[cfg(test)]
    pub(crate) const LONG: Self = Self(usize::MAX);

    /// The work of `query` in an index of which `info` tells; a graph search keeps `default_ef` candidates where the
    /// query does not say.
    pub(crate) fn of(info: &Info, query: &Query, default_ef: usize) -> Self {
        let eligible = query.only_ids.as_ref().map_or(info.count, Vec::len);
        let compared = if query.exact || query.only_ids.is_some() || info.indexed == 0 {
            eligible
        } else {
            // The engine refuses more; the query has not been checked yet.
            let kept = query.ef.unwrap_or(default_ef).max(query.k).min(MAX_K);
            kept * VISITS_PER_CANDIDATE + info.buffered + info.unreachable
        };
        let filtered = if query.filter.is_some() { eligible } else { 0 };
        let compared = compared.max(filtered / FILTERED_PART);
        let hits = query.k.min(info.count);
        Self(compared * info.dimension + filtered * NUMBERS_PER_FILTERED + hits * NUMBERS_PER_HIT)
    }

    /// Whether it is done before a request that waits for it would notice.
    pub(crate) fn is_short(self) -> bool {
        self.0 <= SHORT
    }
}

impl std::iter::Sum for Load {
    fn sum<I: Iterator<Item = Self>>(loads: I) -> Self {
        Self(loads.map(|load| load.0).fold(0, usize::saturating_add))
    }
}

#[cfg(test)]
mod tests {
    use vector_index::{Distance, Filter};

    use super::*;

    fn info(count: usize, indexed: usize) -> Info {
        Info {
            name: "t".into(),
            dimension: 384,
            distance: Distance::Cosine,
            count,
            sealed: indexed,
            segments: 1,
            version: 1,
            indexed,
            buffered: count - indexed,
            dead: 0,
            unreachable: 0,
            wal_bytes: 0,
            is_sealing: false,
        }
    }

    fn is_short(info: &Info, change: impl FnOnce(&mut Query)) -> bool {
        let mut query = Query { k: 10, ..Query::default() };
        change(&mut query);
        Load::of(info, &query, 64).is_short()
    }

    #[test]
    fn graph_search_is_short_and_a_scan_of_many_is_not() {
        let (large, small) = (info(1_000_000, 999_000), info(4096, 0));
        assert!(is_short(&large, |_| ()));
        assert!(is_short(&large, |query| query.only_ids = Some(vec!["a".into(); 1000])));
        assert!(is_short(&small, |query| query.exact = true));
        assert!(!is_short(&large, |query| query.exact = true));
        assert!(!is_short(&large, |query| query.ef = Some(1000)));
        assert!(!is_short(&large, |query| query.ef = Some(usize::MAX)));
        assert!(!is_short(&info(100_000, 0), |_| ()));
        assert!(!is_short(&info(100_000, 80_000), |_| ()));
    }

    #[test]
    fn filters_and_long_answers_count_as_work() {
        let filter = Filter::parse(&serde_json::json!({"state": "TX"})).unwrap();
        assert!(!is_short(&info(100_000, 100_000), |query| query.filter = Some(filter.clone())));
        assert!(!is_short(&info(4096, 0), |query| query.k = 10_000));
        assert!(is_short(&info(4096, 0), |query| query.filter = Some(filter.clone())));
        let among_ten = |query: &mut Query| {
            query.filter = Some(filter);
            query.only_ids = Some(vec!["a".into(); 10]);
        };
        assert!(is_short(&info(100_000, 90_000), among_ten));
    }

    #[test]
    fn work_of_a_batch_is_the_sum() {
        let load = Load::of(&info(4096, 0), &Query { k: 10, ..Query::default() }, 64);
        assert!(load.is_short());
        assert!(![load; 8].into_iter().sum::<Load>().is_short());
    }
}
