//! How much of what exact search finds was found.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::ensure;
use bench_kit::npy::{self, Rows};
use serde_json::{Value, json};

/// By how much the order of nearly equal distances depends on the arithmetic with which they were computed.
const ROUNDING: f64 = 1e-6;

/// Queries, and what exact search finds for each.
#[derive(Debug)]
pub(super) struct Exact {
    k: usize,
    /// `[queries, dimension]`
    queries: Rows<f32>,
    /// `[queries, k or more]`, nearest first.
    truth: Rows<u32>,
    /// `[vectors, dimension]`
    base: Option<Rows<f32>>,
}

impl Exact {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, or they do not fit together.
    pub(super) fn read(queries: &Path, truth: &Path, base: Option<&Path>, k: usize) -> anyhow::Result<Self> {
        let base = base.map(|base| npy::read_f16(base, usize::MAX)).transpose()?;
        Self::new(npy::read_f16(queries, usize::MAX)?, npy::read_i32(truth, usize::MAX)?, base, k)
    }

    fn new(queries: Rows<f32>, truth: Rows<u32>, base: Option<Rows<f32>>, k: usize) -> anyhow::Result<Self> {
        ensure!(queries.columns > 0 && !queries.values.is_empty(), "there are no queries");
        ensure!(
            truth.columns >= k,
            "the exact answers name {} ids each, and {k} are asked for",
            truth.columns
        );
        let (asked, answered) = (len(&queries), len(&truth));
        ensure!(asked == answered, "there are {asked} queries, and exact answers to {answered}");
        if let Some(base) = &base {
            let (ours, theirs) = (queries.columns, base.columns);
            ensure!(ours == theirs, "queries have {ours} numbers, the vectors that are searched {theirs}");
        }
        Ok(Self { k, queries, truth, base })
    }

    /// How many are asked for.
    pub(super) fn k(&self) -> usize {
        self.k
    }

    /// What is searched for.
    pub(super) fn queries(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.queries.values.chunks_exact(self.queries.columns)
    }

    /// How many of `found`, which answers the query of this number, belong into the answer.
    fn hits(&self, query: usize, found: &BTreeSet<u32>) -> usize {
        let expected = &self.truth.values[query * self.truth.columns..][..self.k];
        let is_near =
            |id: u32| match (self.similarity(query, id), self.similarity(query, expected[self.k - 1])) {
                (Some(own), Some(last)) => own >= last - ROUNDING,
                _ => false,
            };
        found.iter().filter(|id| expected.contains(id) || is_near(**id)).count()
    }

    /// The cosine of a query and a vector that is searched, where the latter is known.
    fn similarity(&self, query: usize, id: u32) -> Option<f64> {
        let base = self.base.as_ref()?;
        let vector = base.values.chunks_exact(base.columns).nth(id as usize)?;
        let query = self.queries().nth(query)?;
        Some(dot(query, vector) / (dot(query, query) * dot(vector, vector)).sqrt())
    }
}

fn len<T>(rows: &Rows<T>) -> usize {
    rows.values.len() / rows.columns
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

/// What both sides found, query by query.
#[derive(Debug, Default)]
pub(super) struct Tally {
    queries: usize,
    k: usize,
    /// Of the left and of the right.
    hits: [usize; 2],
    common: usize,
    /// Hits and number of the query of which the right found least.
    worst: Option<(usize, usize)>,
}

impl Tally {
    /// Counts what left and right found for the next query; beyond the `k` first nothing counts, and nothing twice.
    pub(super) fn add(&mut self, exact: &Exact, found: &[Vec<u32>; 2]) {
        self.k = exact.k;
        let found = found.each_ref().map(|ids| ids.iter().take(exact.k).copied().collect::<BTreeSet<_>>());
        let hits = found.each_ref().map(|ids| exact.hits(self.queries, ids));
        for (sum, hits) in self.hits.iter_mut().zip(hits) {
            *sum += hits;
        }
        self.common += found[0].intersection(&found[1]).count();
        if self.worst.is_none_or(|(least, _)| hits[1] < least) {
            self.worst = Some((hits[1], self.queries));
        }
        self.queries += 1;
    }

    pub(super) fn queries(&self) -> usize {
        self.queries
    }

    /// The mean share of each query's exact answer that left and right found.
    pub(super) fn recalls(&self) -> [f64; 2] {
        self.hits.map(|hits| self.share(hits))
    }

    /// The mean share of the results that both sides have.
    pub(super) fn overlap(&self) -> f64 {
        self.share(self.common)
    }

    /// The first of the queries of which the right found least.
    pub(super) fn worst(&self) -> Value {
        self.worst.map_or(Value::Null, |(found, query)| json!({ "query": query, "found": found }))
    }

    fn share(&self, results: usize) -> f64 {
        results as f64 / (self.queries * self.k).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors on a circle.
    fn rows(degrees: &[f32]) -> Rows<f32> {
        let values = degrees.iter().flat_map(|angle| [angle.to_radians().cos(), angle.to_radians().sin()]);
        Rows { columns: 2, values: values.collect() }
    }

    fn truth(columns: usize, ids: &[u32]) -> Rows<u32> {
        Rows { columns, values: ids.to_vec() }
    }

    #[test]
    fn what_is_found_counts_once_and_only_among_the_first() {
        let exact = Exact::new(rows(&[0.0, 90.0]), truth(3, &[1, 2, 3, 4, 5, 6]), None, 2).unwrap();
        let mut tally = Tally::default();
        tally.add(&exact, &[vec![2, 1], vec![1, 1, 2]]);
        tally.add(&exact, &[vec![4, 5], vec![9, 4]]);
        assert_eq!((tally.queries(), tally.recalls(), tally.overlap()), (2, [1.0, 0.5], 0.5));
        assert_eq!(tally.worst(), json!({ "query": 0, "found": 1 }));
    }

    #[test]
    fn duplicate_of_the_last_counts_where_the_vectors_are_known() {
        let searched = || rows(&[0.0, 10.0, 10.0, 90.0]);
        let mut recalls = Vec::new();
        for base in [None, Some(searched())] {
            let exact = Exact::new(rows(&[0.0]), truth(2, &[0, 1]), base, 2).unwrap();
            let mut tally = Tally::default();
            tally.add(&exact, &[vec![0, 2], vec![0, 3]]);
            recalls.push(tally.recalls());
        }
        assert_eq!(recalls, [[0.5, 0.5], [1.0, 0.5]]);
    }

    #[test]
    fn files_that_do_not_fit_together_are_refused() {
        let refusal = |exact: anyhow::Result<Exact>| exact.unwrap_err().to_string();
        let few = Exact::new(rows(&[0.0]), truth(2, &[0, 1]), None, 10);
        assert!(refusal(few).contains("2 ids each, and 10"));
        let other = Exact::new(rows(&[0.0]), truth(2, &[0, 1, 1, 0]), None, 2);
        assert!(refusal(other).contains("1 queries, and exact answers to 2"));
        let wide = Rows { columns: 3, values: vec![1.0; 3] };
        let wide = Exact::new(rows(&[0.0]), truth(1, &[0]), Some(wide), 1);
        assert!(refusal(wide).contains("queries have 2 numbers"));
        assert!(refusal(Exact::new(rows(&[]), truth(1, &[]), None, 1)).contains("no queries"));
    }
}
