//! Where searches begin: at the nearest of some nodes that lie far from each other.
//!
//! The upper layers of the paper are a random sample: of a small cluster far from all others no node is in it, and a walk
//! that begins elsewhere stays elsewhere. Nodes that are chosen farthest first (Gonzalez 1985,
//! <https://doi.org/10.1016/0304-3975(85)90224-5>) leave no cluster out.

use super::space::Space;
use super::walk::{Ranking, Scored};

/// The most landmarks: to compare with all of them takes a tenth of a walk's time.
const LANDMARKS: usize = 512;
/// A small graph has fewer: one for so many nodes.
const NODES_PER_LANDMARK: usize = 16;
/// They are chosen among so many nodes at least, of more an even sample: clusters that it misses have few nodes.
const SAMPLE: usize = 16_384;

/// Chooses landmarks among `nodes`, of which there is at least one.
pub(super) fn choose(space: &Space<'_>, nodes: &[u32]) -> Vec<u32> {
    let sample: Vec<u32> = nodes.iter().copied().step_by((nodes.len() / SAMPLE).max(1)).collect();
    let count = LANDMARKS.min(nodes.len().div_ceil(NODES_PER_LANDMARK));
    let (mut landmarks, mut ranks) = (Vec::with_capacity(count), Vec::new());
    let mut to_nearest = vec![f32::MAX; sample.len()];
    let mut probe = space.codes.probe(&[], space.distance);
    let mut next = sample.first().copied();
    while let Some(landmark) = next.filter(|_| landmarks.len() < count) {
        landmarks.push(landmark);
        space.from(landmark, &mut probe).ranks(&sample, &mut ranks);
        to_nearest.iter_mut().zip(&ranks).for_each(|(nearest, rank)| *nearest = nearest.min(*rank));
        let farthest = sample.iter().zip(&to_nearest).max_by(|a, b| a.1.total_cmp(b.1));
        next = farthest.map(|(node, _)| *node);
    }
    landmarks
}

/// The one of `landmarks` that is nearest to what `ranking` is for.
pub(super) fn nearest(landmarks: &[u32], ranking: &impl Ranking) -> Scored {
    let mut ranks = Vec::with_capacity(landmarks.len());
    ranking.ranks(landmarks, &mut ranks);
    let scored = ranks.into_iter().zip(landmarks).map(|(rank, slot)| Scored { rank, slot: *slot });
    // A graph has landmarks; without any, slot 0 is as good as any other.
    scored.min().unwrap_or(Scored { rank: f32::MAX, slot: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Codes;
    use crate::distance::Distance;

    #[test]
    fn no_cluster_however_small_is_without_a_landmark() {
        let mut codes = Codes::new(64);
        // Of the first cluster 3,000, of the others three each.
        let centre = |node: u32| if node < 3000 { 0 } else { (node - 3000) / 3 + 1 };
        let wave = |i: u32, j: usize| ((i as usize * 7919 + j * 104_729) as f32).sin();
        for node in 0..3120 {
            let near = |j| wave(centre(node), j) + 0.05 * wave(node + 1_000_003, j);
            codes.push(&std::array::from_fn::<_, 64, _>(near));
        }
        let space = Space::new(&codes, Distance::Euclidean);
        let nodes: Vec<u32> = (0..3120).collect();
        let landmarks = choose(&space, &nodes);
        assert_eq!(landmarks.len(), 3120 / 16);
        for cluster in 0..=40 {
            assert!(landmarks.iter().any(|node| centre(*node) == cluster), "cluster {cluster}");
        }
        let mut probe = codes.probe(&[], Distance::Euclidean);
        assert_eq!(centre(nearest(&landmarks, &space.from(3119, &mut probe)).slot), 40);
    }

    #[test]
    fn landmarks_of_few_or_equal_nodes_are_nodes() {
        let mut codes = Codes::new(4);
        (0..40).for_each(|_| codes.push(&[1.0, 2.0, 3.0, 4.0]));
        let space = Space::new(&codes, Distance::Cosine);
        assert_eq!(choose(&space, &[7]), [7]);
        let nodes: Vec<u32> = (0..40).collect();
        assert!(choose(&space, &nodes).iter().all(|landmark| *landmark < 40));
    }
}
