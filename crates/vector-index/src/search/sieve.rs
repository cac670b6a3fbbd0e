//! Exact scans that read codes: bounds of the ranks tell most items apart, and only the others' vectors are read.

use std::collections::BinaryHeap;

use crate::codes::{Codes, FineProbe};
use crate::graph::Scored;

/// Slots that are well compared at once.
pub(super) const BATCH: usize = 256;

/// Keeps the slots that may be among the `k` nearest, by bounds of their ranks.
pub(super) struct Sieve {
    probe: FineProbe,
    k: usize,
    /// The smallest `k` upper bounds, the largest first out.
    uppers: BinaryHeap<Ordered>,
    bound: f32,
    /// Slots with the lower bounds of their ranks.
    kept: Vec<Scored>,
    lower: Vec<f32>,
    upper: Vec<f32>,
}

impl Sieve {
    /// A sieve that keeps nothing whose rank is certainly above `bound`.
    pub(super) fn new(probe: FineProbe, k: usize, bound: f32) -> Self {
        let (lower, upper) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        Self { probe, k, uppers: BinaryHeap::new(), bound, kept: Vec::new(), lower, upper }
    }

    pub(super) fn sift(&mut self, codes: &Codes, slots: &[u32]) {
        codes.bounds(&self.probe, slots, &mut self.lower, &mut self.upper);
        for (place, slot) in slots.iter().enumerate() {
            let (lower, upper) = (self.lower[place], self.upper[place]);
            if lower > self.bound {
                continue;
            }
            self.kept.push(Scored { rank: lower, slot: *slot });
            if upper < self.bound {
                self.tighten(upper);
            }
        }
    }

    /// Notes that one more item is certainly not above `upper`.
    fn tighten(&mut self, upper: f32) {
        self.uppers.push(Ordered(upper));
        if self.uppers.len() > self.k {
            self.uppers.pop();
        }
        if let Some(largest) = self.uppers.peek().filter(|_| self.uppers.len() == self.k) {
            self.bound = self.bound.min(largest.0);
        }
    }

    /// The slots left, those of the smallest lower bound first.
    pub(super) fn left(mut self) -> Vec<Scored> {
        self.kept.retain(|scored| scored.rank <= self.bound);
        self.kept.sort_unstable();
        self.kept
    }
}

/// A number that orders.
#[derive(Debug, PartialEq)]
struct Ordered(f32);

impl Eq for Ordered {}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
