//! Exact answers, and how good others are beside them.

use std::collections::BTreeSet;

use super::{Dataset, K, Matrix};

/// The `k` rows of `base` among `candidates` that are nearest to `query`, nearest first; all vectors have length 1.
pub(crate) fn nearest(
    base: &Matrix,
    query: &[f32],
    k: usize,
    candidates: impl IntoIterator<Item = u32>,
) -> Vec<u32> {
    let mut scored: Vec<(f32, u32)> =
        candidates.into_iter().map(|row| (-dot(query, base.row(row)), row)).collect();
    let order = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    if scored.len() > k {
        scored.select_nth_unstable_by(k, order);
        scored.truncate(k);
    }
    scored.sort_unstable_by(order);
    scored.into_iter().map(|(_, row)| row).collect()
}

/// In lanes, so that it compiles to vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(x, y)| x * y).sum::<f32>()
}

fn precise_dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// Decides which results count as found.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    dataset: &'a Dataset,
    /// By query: the ids that belong into the answer, and the similarity of the last of them.
    expected: Vec<(&'a [u32], f64)>,
}

/// By how much the order of nearly equal distances depends on the arithmetic with which they were computed.
const ROUNDING: f64 = 1e-6;

impl<'a> Judge<'a> {
    pub(crate) fn new(dataset: &'a Dataset) -> Self {
        let expected = dataset.queries.rows().zip(&dataset.truth).map(|(query, ids)| {
            let similarity = |last: &u32| precise_dot(query, dataset.base.row(*last));
            (ids.as_slice(), ids.last().map_or(f64::INFINITY, similarity))
        });
        Self { dataset, expected: expected.collect() }
    }

    /// recall@10: the mean part of each query's nearest that was found. A result that is as near as the last of them counts
    /// too: which of several duplicates comes back says nothing. `found[i]` answers query `i`.
    pub(crate) fn recall(&self, found: &[Vec<u32>]) -> f64 {
        let parts = found.iter().enumerate().map(|(query, ids)| {
            let (expected, worst) = self.expected[query];
            let query = self.dataset.queries.row(query as u32);
            let is_near = |id: &u32| {
                expected.contains(id) || precise_dot(query, self.dataset.base.row(*id)) >= worst - ROUNDING
            };
            let distinct: BTreeSet<u32> = ids.iter().take(K).copied().collect();
            let hits = distinct.iter().filter(|id| is_near(id)).count();
            if expected.is_empty() { 1.0 } else { hits as f64 / expected.len() as f64 }
        });
        parts.sum::<f64>() / found.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_circle(degrees: &[f32]) -> Matrix {
        let values = degrees.iter().flat_map(|angle| [angle.to_radians().cos(), angle.to_radians().sin()]);
        Matrix { dimension: 2, values: values.collect() }
    }

    #[test]
    fn nearest_are_those_with_the_smallest_angle_among_the_candidates() {
        let base = on_circle(&[50.0, 10.0, 0.0, 30.0, 20.0]);
        let query = on_circle(&[1.0]);
        assert_eq!(nearest(&base, query.row(0), 3, 0..5), [2, 1, 4]);
        assert_eq!(nearest(&base, query.row(0), 3, [0, 3]), [3, 0]);
    }

    #[test]
    fn recall_counts_each_result_once_and_a_duplicate_of_the_last_as_found() {
        let (base, queries) = (on_circle(&[0.0, 10.0, 10.0, 90.0]), on_circle(&[0.0]));
        let dataset = Dataset { base, queries, truth: vec![vec![0, 1]] };
        let judge = Judge::new(&dataset);
        assert_eq!(judge.recall(&[vec![0, 1]]), 1.0);
        assert_eq!(judge.recall(&[vec![0, 2]]), 1.0, "2 is as near as 1");
        assert_eq!(judge.recall(&[vec![0, 0]]), 0.5);
        assert_eq!(judge.recall(&[vec![0, 3]]), 0.5);
        assert_eq!(judge.recall(&[vec![]]), 0.0);
    }
}
