//! Best-first search over the flat graph: algorithms 2 and 5 of the HNSW paper.

use std::cell::RefCell;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::flat::Graph;
use crate::bitset::Bitset;
use crate::distance::Distance;
use crate::rows::Rows;

/// A slot and its rank; ordered by rank, then slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scored {
    /// See [`Distance::rank`].
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

/// One search: what for, where, and how hard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beam<'a> {
    pub(crate) rows: &'a Rows,
    pub(crate) distance: Distance,
    pub(crate) query: &'a [f32],
    /// Only these slots are wanted; others are walked through.
    pub(crate) eligible: &'a Bitset,
    /// How many wanted nodes are kept while searching (`ef` in the paper).
    pub(crate) width: usize,
    /// Gives up after so many nodes: a scan is cheaper then.
    pub(crate) max_visits: usize,
}

impl Beam<'_> {
    #[inline]
    fn score(&self, slot: u32) -> Scored {
        Scored { rank: self.distance.rank(self.query, self.rows.row(slot)), slot }
    }
}

/// Which slots a search has seen: seen if stamped with the search's number, so that nothing is cleared in between.
#[derive(Default)]
struct Visited {
    stamps: Vec<u32>,
    now: u32,
}

impl Visited {
    fn begin(&mut self, slots: u32) {
        self.now = self.now.wrapping_add(1);
        if self.now == 0 {
            self.stamps.fill(0);
            self.now = 1;
        }
        if self.stamps.len() < slots as usize {
            self.stamps.resize(slots as usize, 0);
        }
    }

    /// Returns whether the slot is seen for the first time.
    #[inline]
    fn mark(&mut self, slot: u32) -> bool {
        let stamp = &mut self.stamps[slot as usize];
        std::mem::replace(stamp, self.now) != self.now
    }
}

thread_local! {
    static VISITED: RefCell<Visited> = RefCell::default();
}

impl Graph {
    /// The wanted nodes nearest to the query, at most `beam.width`, in no order; a node is wanted if it or a twin is
    /// eligible. `None` if the visits did not suffice.
    pub(crate) fn search(&self, beam: &Beam<'_>) -> Option<Vec<Scored>> {
        let start = self.descend(beam);
        VISITED.with_borrow_mut(|visited| {
            visited.begin(self.len());
            self.search_base(beam, start, visited)
        })
    }

    /// Walks greedily down to the base layer.
    fn descend(&self, beam: &Beam<'_>) -> Scored {
        let mut nearest = beam.score(self.entry);
        for layer in self.upper.iter().rev() {
            loop {
                let step = layer.links_of(nearest.slot).iter().map(|slot| beam.score(*slot)).min();
                match step {
                    Some(step) if step < nearest => nearest = step,
                    _ => break,
                }
            }
        }
        nearest
    }

    fn search_base(&self, beam: &Beam<'_>, start: Scored, visited: &mut Visited) -> Option<Vec<Scored>> {
        let mut frontier = BinaryHeap::from([Reverse(start)]);
        let mut found = BinaryHeap::new();
        let mut visits = 1;
        visited.mark(start.slot);
        if self.is_wanted(start.slot, beam.eligible) {
            found.push(start);
        }
        while let Some(Reverse(nearest)) = frontier.pop() {
            if found.len() == beam.width && found.peek().is_some_and(|worst| nearest.rank > worst.rank) {
                break;
            }
            for &slot in self.base.links_at(nearest.slot as usize) {
                if !visited.mark(slot) {
                    continue;
                }
                visits += 1;
                let scored = beam.score(slot);
                let is_full = found.len() == beam.width;
                if is_full && found.peek().is_some_and(|worst| scored >= *worst) {
                    continue;
                }
                frontier.push(Reverse(scored));
                if self.is_wanted(slot, beam.eligible) {
                    if is_full {
                        found.pop();
                    }
                    found.push(scored);
                }
            }
            if visits > beam.max_visits {
                return None;
            }
        }
        Some(found.into_vec())
    }

    fn is_wanted(&self, node: u32, eligible: &Bitset) -> bool {
        eligible.contains(node) || self.twins(node).iter().any(|twin| eligible.contains(*twin))
    }
}
