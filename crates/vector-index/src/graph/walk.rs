//! Best-first search over links: algorithm 2 of the HNSW paper, for searches and for insertions alike.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::flat::Links;

/// A slot and its rank; ordered by rank, then slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    /// See [`crate::Distance::rank`].
    pub(crate) rank: f32,
    pub(crate) slot: u32,
}

impl Eq for Scored {}

impl Ord for Scored {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then(self.slot.cmp(&other.slot))
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How near slots are to what a walk is for.
pub(crate) trait Ranking {
    /// Puts the rank of each of `slots` into `out`.
    fn ranks(&self, slots: &[u32], out: &mut Vec<f32>);
}

/// What a walk needs room for; kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    visited: Visited,
    pool: Pool,
    batch: Vec<u32>,
    ranks: Vec<f32>,
    visits: usize,
}

/// Which nodes a walk has seen, one bit each: the bits of 100,000 nodes fit into the nearest cache, and clearing them
/// costs less than a wider mark that is never cleared.
#[derive(Debug, Default)]
struct Visited {
    words: Vec<u64>,
}

impl Visited {
    fn begin(&mut self, nodes: usize) {
        self.words.clear();
        self.words.resize(nodes.div_ceil(64), 0);
    }

    /// Returns whether the node is seen for the first time.
    #[inline]
    fn mark(&mut self, node: u32) -> bool {
        let (word, bit) = (&mut self.words[node as usize / 64], 1 << (node % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

/// The nearest nodes seen so far, nearest first, at most `width`, and which of them have been expanded.
///
/// A sorted array, not a heap: it is short, an insertion moves little, and the walk needs no second queue.
#[derive(Debug, Default)]
struct Pool {
    width: usize,
    entries: Vec<Entry>,
}

/// A rank, a node and whether it has been expanded, in one number that orders as ranks do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u64);

impl Entry {
    #[inline]
    fn new(rank: f32, node: u32) -> Self {
        Self(u64::from(order_of(rank)) << 32 | u64::from(node) << 1)
    }

    #[inline]
    fn node(self) -> u32 {
        self.0 as u32 >> 1
    }

    #[inline]
    fn rank(self) -> f32 {
        rank_of((self.0 >> 32) as u32)
    }

    fn is_expanded(self) -> bool {
        self.0 & 1 == 1
    }

    fn set_expanded(&mut self) {
        self.0 |= 1;
    }
}

/// A number that orders as `rank` does: its bits, with those of negative numbers turned round.
#[inline]
fn order_of(rank: f32) -> u32 {
    let bits = rank.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// Inverse of [`order_of`].
#[inline]
fn rank_of(order: u32) -> f32 {
    f32::from_bits(if order >> 31 == 1 { order & !(1 << 31) } else { !order })
}

/// An [`Entry`] has room for node numbers below this.
pub(super) const MAX_NODES: u32 = 1 << 31;

impl Pool {
    fn begin(&mut self, width: usize) {
        self.width = width;
        self.entries.clear();
        self.entries.reserve(width + 1);
    }

    /// What an entry must be below to be taken.
    #[inline]
    fn bound(&self) -> Entry {
        if self.entries.len() < self.width { Entry(u64::MAX) } else { self.entries[self.width - 1] }
    }

    /// Takes an entry that is below the bound; returns its place.
    #[inline]
    fn insert(&mut self, entry: Entry) -> usize {
        let place = self.entries.partition_point(|other| *other <= entry);
        if self.entries.len() == self.width {
            self.entries.pop();
        }
        self.entries.insert(place, entry);
        place
    }
}

impl Scratch {
    /// How many nodes the last walk looked at.
    pub(super) fn visits(&self) -> usize {
        self.visits
    }

    /// The nodes nearest to what `ranking` is for, nearest first, at most `width`: walks `links` among `nodes` nodes
    /// from `start`, whose rank is right.
    pub(super) fn nearest(
        &mut self,
        links: &impl Links,
        nodes: usize,
        ranking: &impl Ranking,
        start: Scored,
        width: usize,
    ) -> impl Iterator<Item = Scored> {
        self.visits = 1;
        self.visited.begin(nodes);
        self.visited.mark(start.slot);
        self.pool.begin(width);
        self.pool.insert(Entry::new(start.rank, start.slot));
        let mut next = 0;
        while let Some(entry) = self.pool.entries.get_mut(next) {
            if entry.is_expanded() {
                next += 1;
                continue;
            }
            entry.set_expanded();
            let node = entry.node();
            next = self.expand(links, ranking, node).min(next + 1);
            if let Some(following) = self.pool.entries.get(next) {
                links.prefetch(following.node());
            }
        }
        self.pool.entries.iter().map(|entry| Scored { rank: entry.rank(), slot: entry.node() })
    }

    /// Takes the unseen neighbours of `node` into the pool; returns the first place that is new.
    #[inline]
    fn expand(&mut self, links: &impl Links, ranking: &impl Ranking, node: u32) -> usize {
        self.gather(links, node);
        ranking.ranks(&self.batch, &mut self.ranks);
        let mut first = usize::MAX;
        for (rank, neighbour) in self.ranks.iter().zip(&self.batch) {
            let entry = Entry::new(*rank, *neighbour);
            if entry < self.pool.bound() {
                first = first.min(self.pool.insert(entry));
            }
        }
        first
    }

    /// Makes the unseen neighbours of `node` the batch.
    #[inline]
    fn gather(&mut self, links: &impl Links, node: u32) {
        let Self { visited, batch, visits, .. } = self;
        batch.clear();
        links.for_each(node, |neighbour| {
            if visited.mark(neighbour) {
                batch.push(neighbour);
            }
        });
        *visits += batch.len();
    }

    /// Goes from `start` to ever nearer neighbours, until there is none.
    pub(super) fn descend(&mut self, links: &impl Links, ranking: &impl Ranking, start: Scored) -> Scored {
        let mut nearest = start;
        loop {
            self.batch.clear();
            links.for_each(nearest.slot, |neighbour| self.batch.push(neighbour));
            ranking.ranks(&self.batch, &mut self.ranks);
            let scored =
                self.ranks.iter().zip(&self.batch).map(|(rank, slot)| Scored { rank: *rank, slot: *slot });
            match scored.min() {
                Some(step) if step < nearest => nearest = step,
                _ => return nearest,
            }
        }
    }

    /// As [`Scratch::nearest`], but keeps only nodes that are `wanted`, in no order, and walks through the others.
    /// `None` if `max_visits` nodes did not suffice.
    pub(super) fn nearest_wanted(
        &mut self,
        links: &impl Links,
        nodes: usize,
        ranking: &impl Ranking,
        start: Scored,
        limits: Limits<'_>,
    ) -> Option<Vec<Scored>> {
        let Limits { width, max_visits, is_wanted } = limits;
        let mut frontier = BinaryHeap::from([Reverse(start)]);
        let mut found = BinaryHeap::new();
        self.visits = 1;
        self.visited.begin(nodes);
        self.visited.mark(start.slot);
        if is_wanted(start.slot) {
            found.push(start);
        }
        while let Some(Reverse(nearest)) = frontier.pop() {
            if found.len() == width && found.peek().is_some_and(|worst| nearest.rank > worst.rank) {
                break;
            }
            self.gather(links, nearest.slot);
            ranking.ranks(&self.batch, &mut self.ranks);
            for (rank, slot) in self.ranks.iter().zip(&self.batch) {
                let scored = Scored { rank: *rank, slot: *slot };
                let is_full = found.len() == width;
                if is_full && found.peek().is_some_and(|worst| scored >= *worst) {
                    continue;
                }
                frontier.push(Reverse(scored));
                if is_wanted(*slot) {
                    if is_full {
                        found.pop();
                    }
                    found.push(scored);
                }
            }
            if self.visits > max_visits {
                return None;
            }
        }
        Some(found.into_vec())
    }
}

/// What a walk looks for, and when it gives up.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    /// How many wanted nodes are kept while walking (`ef` in the paper).
    pub(super) width: usize,
    /// Gives up after so many nodes.
    pub(super) max_visits: usize,
    pub(super) is_wanted: &'a dyn Fn(u32) -> bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_order_as_ranks_do_and_give_back_what_they_hold() {
        let ranks = [f32::MIN, -2.5, -1e-40, 0.0, 1e-40, 0.25, 2.0, f32::MAX];
        for (rank, next) in ranks.iter().zip(&ranks[1..]) {
            assert!(Entry::new(*rank, MAX_NODES - 1) < Entry::new(*next, 0));
        }
        for rank in ranks {
            let mut entry = Entry::new(rank, MAX_NODES - 1);
            entry.set_expanded();
            assert_eq!((entry.rank(), entry.node(), entry.is_expanded()), (rank, MAX_NODES - 1, true));
        }
    }

    #[test]
    fn pool_keeps_the_nearest_in_order() {
        let mut pool = Pool::default();
        pool.begin(3);
        for (rank, node) in [(5.0, 1), (3.0, 2), (4.0, 3), (1.0, 4), (9.0, 5)] {
            let entry = Entry::new(rank, node);
            if entry < pool.bound() {
                pool.insert(entry);
            }
        }
        let kept: Vec<u32> = pool.entries.iter().map(|entry| entry.node()).collect();
        assert_eq!(kept, [4, 2, 3]);
    }
}
