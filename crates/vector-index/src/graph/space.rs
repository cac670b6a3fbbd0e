//! How near slots are to each other while a graph is built over them.

use super::walk::Ranking;
use crate::codes::{Codes, Probe};
use crate::distance::Distance;

/// The slots of an index under a distance that is never negative, by their codes.
///
/// Cosine and Euclidean ranks are used as they are. A dot product orders no graph, since a vector may be nearer to
/// another than to itself: for it, each vector gets one more coordinate that makes all equally long, after which
/// Euclidean and dot order agree (Bachrach et al. 2014, <https://doi.org/10.1145/2645710.2645741>).
#[derive(Debug)]
pub(super) struct Space<'a> {
    pub(super) codes: &'a Codes,
    pub(super) distance: Distance,
    /// Under dot: the additional coordinate of each slot, and the squared length that it gives to all.
    lift: Option<(Vec<f32>, f32)>,
}

impl<'a> Space<'a> {
    pub(super) fn new(codes: &'a Codes, distance: Distance) -> Self {
        let lift = (distance == Distance::Dot).then(|| {
            let squares = || (0..codes.len() as u32).map(|slot| codes.squared_length(slot));
            let longest = squares().fold(0.0, f32::max);
            (squares().map(|square| (longest - square).max(0.0).sqrt()).collect(), longest)
        });
        Self { codes, distance, lift }
    }

    /// Half the squared distance of lifted vectors whose dot product, without the additional coordinate, is `-rank`.
    fn lifted(&self, rank: f32, a: u32, b: u32) -> f32 {
        match &self.lift {
            Some((coordinates, square)) => {
                (square + rank - coordinates[a as usize] * coordinates[b as usize]).max(0.0)
            }
            None => rank,
        }
    }

    pub(super) fn between(&self, a: u32, b: u32) -> f32 {
        self.lifted(self.codes.rank_between(a, b, self.distance), a, b)
    }

    /// How near other slots are to `slot`.
    pub(super) fn from<'p>(&'p self, slot: u32, probe: &'p mut Probe) -> FromSlot<'p> {
        self.codes.probe_slot(slot, self.distance, probe);
        FromSlot { space: self, slot, probe }
    }
}

/// See [`Space::from`].
pub(super) struct FromSlot<'p> {
    space: &'p Space<'p>,
    slot: u32,
    probe: &'p Probe,
}

impl Ranking for FromSlot<'_> {
    #[inline]
    fn ranks(&self, slots: &[u32], out: &mut Vec<f32>) {
        self.space.codes.ranks(self.probe, slots, out);
        if self.space.lift.is_some() {
            for (slot, rank) in slots.iter().zip(out) {
                *rank = self.space.lifted(*rank, self.slot, *slot);
            }
        }
    }
}
