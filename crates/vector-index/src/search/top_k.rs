//! The best results so far.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::Hit;
use crate::distance::Distance;
use crate::graph::Scored;
use crate::view::View;

/// An item and its rank, worst first out of a heap; equal ranks by id, which is looked up only then.
#[derive(Debug, Clone, Copy)]
struct Ranked<'a> {
    rank: f32,
    slot: u32,
    view: &'a View,
}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then_with(|| self.view.id(self.slot).cmp(other.view.id(other.slot)))
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Ranked<'_> {}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

/// The best `k` of the items that were offered.
pub(super) struct TopK<'a> {
    view: &'a View,
    k: usize,
    distance: Distance,
    max_distance: f32,
    /// No item within `max_distance` has a rank above this.
    max_rank: f32,
    offered: usize,
    heap: BinaryHeap<Ranked<'a>>,
}

impl<'a> TopK<'a> {
    pub(super) fn new(view: &'a View, k: usize, distance: Distance, max_distance: Option<f32>) -> Self {
        let max_distance = max_distance.unwrap_or(f32::INFINITY);
        let max_rank = distance.max_rank_within(max_distance);
        let heap = BinaryHeap::with_capacity(k.min(view.live()) + 1);
        Self { view, k, distance, max_distance, max_rank, offered: 0, heap }
    }

    /// How many are wanted.
    pub(super) fn k(&self) -> usize {
        self.k
    }

    /// How many were offered, those that are too far as well.
    pub(super) fn offered(&self) -> usize {
        self.offered
    }

    #[inline]
    pub(super) fn offer(&mut self, Scored { rank, slot }: Scored) {
        self.offered += 1;
        if rank > self.bound() {
            return;
        }
        self.heap.push(Ranked { rank, slot, view: self.view });
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }

    /// The rank that an item must not be above to come in.
    #[inline]
    pub(super) fn bound(&self) -> f32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() == self.k => worst.rank,
            _ => self.max_rank,
        }
    }

    /// The items, nearest first, equal distances by id.
    pub(super) fn into_hits(self) -> Vec<Hit> {
        let Self { view, distance, max_distance, .. } = self;
        let hit = |ranked: Ranked<'_>| {
            let distance = distance.distance_of_rank(ranked.rank);
            (distance <= max_distance).then(|| Hit {
                id: view.id(ranked.slot).into(),
                distance,
                metadata: view.metadata(ranked.slot),
                expires_ms: view.expires_ms(ranked.slot),
            })
        };
        let mut hits: Vec<Hit> = self.heap.into_iter().filter_map(hit).collect();
        // By distance and not by rank: a square root may make two ranks equal.
        hits.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
        hits
    }
}
