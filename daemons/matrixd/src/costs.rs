//! What the hops of a retrieve did and cost, for its `explain`.

use std::time::Instant;

use parking_lot::Mutex;
use wire::matrix::{Estimate, Estimates, SqlHop, VectorHop};
use wire::names::MAX_K;
use wire::vectors::BatchAnswer;

use crate::search::ms;

/// The hops of one retrieve, some of which run at the same time.
#[derive(Default)]
pub(crate) struct Costs {
    pub(crate) ids: Mutex<SqlHop>,
    pub(crate) vectors: Mutex<VectorHop>,
    pub(crate) values: Mutex<SqlHop>,
}

/// Adds a statement that began at `started` to a hop.
pub(crate) fn add_statement(hop: &Mutex<SqlHop>, rows: usize, started: Instant) {
    let mut hop = hop.lock();
    hop.statements += 1;
    hop.rows += rows as u64;
    hop.took_ms += ms(started);
}

impl Costs {
    /// Adds a search that began at `started`.
    pub(crate) fn add_search(&self, answer: &BatchAnswer, started: Instant) {
        let mut hop = self.vectors.lock();
        let is_exact = answer.searched.as_ref().is_some_and(|searched| searched.exact);
        hop.exact = is_exact && (hop.searches == 0 || hop.exact);
        hop.searches += 1;
        hop.candidates += answer.results.len() as u64;
        hop.computed_ms += answer.searched.as_ref().map_or(0.0, |searched| searched.took_ms);
        hop.took_ms += ms(started);
    }
}

/// What either plan was expected to move: of `items` in the index, `matching` rows satisfy the condition, or more of them
/// if that is where counting ended.
pub(crate) fn estimates(
    items: usize,
    matching: usize,
    is_lower_bound: bool,
    k: usize,
    first: usize,
) -> Estimates {
    // Items are as likely to match wherever they are: then so many hold k that do.
    let reach = (k * items).div_ceil(matching.max(1)).max(first).min(items).min(MAX_K);
    let wanted = k.min(matching) as u64;
    Estimates {
        items: items as u64,
        matching_rows: matching as u64,
        is_lower_bound,
        sql_first: Estimate { ids_to_vectord: matching as u64, ids_to_queryd: wanted },
        vectors_first: Estimate { ids_to_vectord: 0, ids_to_queryd: reach as u64 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_condition_makes_vectors_first_reach_far_and_a_wide_one_does_not() {
        let narrow = estimates(100_000, 50, false, 10, 40);
        assert_eq!((narrow.sql_first.ids_to_vectord, narrow.vectors_first.ids_to_queryd), (50, 10_000));
        let wide = estimates(100_000, 50_000, true, 10, 40);
        assert_eq!((wide.sql_first.ids_to_vectord, wide.vectors_first.ids_to_queryd), (50_000, 40));
        let none = estimates(0, 0, false, 10, 40);
        assert_eq!((none.sql_first.ids_to_queryd, none.vectors_first.ids_to_queryd), (0, 0));
    }
}
