//! What a seal does with the slots of an index, and when one is due.

use crate::bitset::Bitset;
use crate::view::View;

/// Dead slots are freed when they are more than this part of all.
const DEAD_PART: usize = 5;
/// A graph grows when what must be scanned beside it is more than this part of what it covers. It bounds two costs: of
/// each search, for the scan, and of each item, for copying and writing the graph as often as it grows.
const BUFFERED_PART: usize = 64;
/// A segment is merged with the one behind it unless it is so many times as large. A row is then written about once for
/// each doubling of the index, and the segments are as many as there are doublings.
const SIZE_RATIO: usize = 2;

/// Whether so many dead slots, of so many slots in all, cost more than rewriting the living.
pub(crate) fn are_too_many(dead: usize, slots: u32, exact_below: usize) -> bool {
    dead > (exact_below / 4).max(slots as usize / DEAD_PART)
}

/// Whether a graph over the first `covered` slots, 0 for none, should cover the others too.
pub(crate) fn is_graph_due(view: &View, covered: u32, exact_below: usize) -> bool {
    let beside = view.slots().saturating_sub(covered) as usize;
    let at_least = if covered == 0 { exact_below } else { exact_below / 2 };
    view.live() > exact_below && beside > at_least.max(covered as usize / BUFFERED_PART)
}

/// Which slots of a view go into a new segment, and which stay where they are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// So many segments stay, and with them the numbers of their slots.
    pub(crate) kept_segments: usize,
    pub(crate) kept_slots: u32,
    /// The slots of the view that the new segment holds, in its order.
    pub(crate) slots: Vec<u32>,
    /// Whether all slots get new numbers. Otherwise those of all segments keep theirs, the dead among them, so that a
    /// graph over them stays true, and the dead of the write buffer are left out.
    pub(crate) is_vacuum: bool,
}

impl Plan {
    pub(crate) fn of(view: &View, exact_below: usize) -> Self {
        let sealed = view.sealed().slots();
        let buffered: Vec<u32> = view.alive().iter_from(sealed).collect();
        let dead = sealed as usize - view.alive().count_below(sealed);
        if are_too_many(dead, sealed + buffered.len() as u32, exact_below) {
            let slots = view.alive().iter().collect();
            return Self { kept_segments: 0, kept_slots: 0, slots, is_vacuum: true };
        }
        let sizes: Vec<usize> = view.sealed().segments().map(|segment| segment.slots() as usize).collect();
        let (kept_segments, merged) = kept_beside(&sizes, buffered.len());
        let kept_slots = sealed - merged as u32;
        let slots = (kept_slots..sealed).chain(buffered).collect();
        Self { kept_segments, kept_slots, slots, is_vacuum: false }
    }

    /// Which slots live, in the new numbering.
    pub(crate) fn alive(&self, view: &View) -> Bitset {
        let is_alive = |slot: &u32| view.alive().contains(*slot);
        let written = (self.kept_slots..).zip(&self.slots).filter(|(_, old)| is_alive(old));
        (0..self.kept_slots).filter(is_alive).chain(written.map(|(new, _)| new)).collect()
    }
}

/// How many of the segments of these sizes stay when `new` slots come behind them, and how many slots the others have.
fn kept_beside(sizes: &[usize], new: usize) -> (usize, usize) {
    let (mut kept, mut merged) = (sizes.len(), 0);
    while new > 0 && kept > 0 && sizes[kept - 1] < SIZE_RATIO * (merged + new) {
        kept -= 1;
        merged += sizes[kept];
    }
    (kept, merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_few_and_rows_are_written_seldom() {
        for batch in [1, 7, 1000] {
            let (mut sizes, mut written): (Vec<usize>, usize) = (Vec::new(), 0);
            for seal in 1..=10_000 {
                let (kept, merged) = kept_beside(&sizes, batch);
                sizes.truncate(kept);
                sizes.push(merged + batch);
                written += merged + batch;
                assert_eq!(sizes.iter().sum::<usize>(), seal * batch);
                assert!(sizes.len() <= seal.ilog2() as usize + 1, "{sizes:?} after {seal} seals");
                assert!(sizes.windows(2).all(|pair| pair[0] >= SIZE_RATIO * pair[1]), "{sizes:?}");
            }
            assert!(written <= 15 * 10_000 * batch, "{} times", written / (10_000 * batch));
        }
    }

    #[test]
    fn seal_of_nothing_new_leaves_the_segments_alone() {
        assert_eq!(kept_beside(&[5, 5, 5], 0), (3, 0));
    }
}
