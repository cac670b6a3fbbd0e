//! A navigable small world graph (Malkov and Yashunin, <https://arxiv.org/abs/1603.09320>) over the slots of an index.
//!
//! Two builders make it, [`insert`] and, by `hnsw_rs`, [`foreign`]; flat arrays serve it ([`flat`], [`walk`]), because a
//! hop reads one run of `u32` instead of following reference-counted pointers under locks. Builders and walks read the
//! codes of vectors ([`crate::codes`]), never the vectors.

mod build;
mod flat;
mod foreign;
mod insert;
mod landmarks;
mod proof;
mod space;
mod twins;
mod walk;

use std::cell::RefCell;

pub(crate) use build::{BuildParams, Material, build};
pub(crate) use flat::Graph;
pub(crate) use twins::Twins;
pub(crate) use walk::{Ranking, Scored};

use crate::bitset::Bitset;
use walk::{Limits, Scratch};

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Graph {
    /// The nodes nearest to what `ranking` is for, nearest first, at most `width`, whether they live or not.
    pub(crate) fn nearest(&self, ranking: &impl Ranking, width: usize) -> Vec<Scored> {
        SCRATCH.with_borrow_mut(|scratch| {
            let start = landmarks::nearest(&self.landmarks, ranking);
            scratch.nearest(&self.base, self.len() as usize, ranking, start, width).collect()
        })
    }

    /// How many nodes [`Graph::nearest`] looks at.
    fn visits_to(&self, ranking: &impl Ranking, width: usize) -> usize {
        SCRATCH.with_borrow_mut(|scratch| {
            let start = landmarks::nearest(&self.landmarks, ranking);
            let _ = scratch.nearest(&self.base, self.len() as usize, ranking, start, width);
            scratch.visits()
        })
    }

    /// The `wanted` nodes nearest to what `ranking` is for, at most `width`, in no order; a node is wanted if it or a
    /// twin is. `None` if `max_visits` nodes did not suffice.
    pub(crate) fn nearest_wanted(
        &self,
        ranking: &impl Ranking,
        width: usize,
        wanted: &Bitset,
        max_visits: usize,
    ) -> Option<Vec<Scored>> {
        let is_wanted =
            |node| wanted.contains(node) || self.twins.of(node).iter().any(|twin| wanted.contains(*twin));
        let limits = Limits { width, max_visits, is_wanted: &is_wanted };
        SCRATCH.with_borrow_mut(|scratch| {
            let start = landmarks::nearest(&self.landmarks, ranking);
            scratch.nearest_wanted(&self.base, self.len() as usize, ranking, start, limits)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::codes::{Codes, Probe};
    use crate::distance::Distance;
    use crate::rows::Rows;
    use crate::settings::GraphBuilder;

    const DIMENSION: usize = 24;

    fn params(builder: GraphBuilder) -> BuildParams {
        BuildParams { builder, links: 16, breadth: 200, threads: 2 }
    }

    /// Vectors and their codes.
    struct Data {
        rows: Rows,
        codes: Codes,
    }

    impl Data {
        fn new(vectors: impl Iterator<Item = Vec<f32>>, distance: Distance) -> Self {
            let (mut rows, mut codes) = (Rows::new(DIMENSION), Codes::new(DIMENSION));
            for vector in vectors {
                let row = distance.admit(vector, DIMENSION).unwrap();
                rows.push(&row);
                codes.push(&row);
            }
            Self { rows, codes }
        }

        fn build(&self, old: Option<&Graph>, distance: Distance, builder: GraphBuilder) -> Graph {
            let material = Material { rows: &self.rows, codes: &self.codes, distance };
            build(material, old, params(builder), &AtomicBool::new(false)).unwrap()
        }

        fn to(&self, slot: u32, distance: Distance) -> ToProbe<'_> {
            ToProbe { codes: &self.codes, probe: self.codes.probe(self.rows.buffered(slot), distance) }
        }

        /// The part of the ten nearest that a walk finds, for every 80th vector.
        fn recall(&self, graph: &Graph, distance: Distance) -> f64 {
            let (mut hits, mut wanted) = (0, 0);
            for slot in (0..self.codes.len() as u32).step_by(80) {
                let rank = |other: &u32| distance.rank(self.rows.buffered(slot), self.rows.buffered(*other));
                let mut exact: Vec<f32> = (0..self.codes.len() as u32).map(|other| rank(&other)).collect();
                exact.sort_by(f32::total_cmp);
                let mut found: Vec<f32> = (graph.nearest(&self.to(slot, distance), 64).iter())
                    .map(|scored| rank(&scored.slot))
                    .collect();
                found.sort_by(f32::total_cmp);
                hits += found.iter().take(10).filter(|rank| **rank <= exact[9]).count();
                wanted += 10;
            }
            f64::from(hits as u32) / f64::from(wanted)
        }
    }

    struct ToProbe<'a> {
        codes: &'a Codes,
        probe: Probe,
    }

    impl Ranking for ToProbe<'_> {
        fn ranks(&self, slots: &[u32], out: &mut Vec<f32>) {
            self.codes.ranks(&self.probe, slots, out);
        }
    }

    /// Clusters of near-duplicates, as texts about the same job have them.
    fn clusters(clusters: usize, size: usize) -> impl Iterator<Item = Vec<f32>> {
        let wave = |i: usize, j: usize| ((i * 7919 + j * 104_729) as f32).sin();
        (0..clusters * size).map(move |i| {
            let (centre, member) = (i % clusters, i / clusters);
            let near = |j| wave(centre, j) + 0.05 * wave(member + 1_000_003, j + 31 * centre);
            (0..DIMENSION).map(near).collect()
        })
    }

    #[test]
    fn walk_alone_finds_the_nearest_ten_among_near_duplicates() {
        for builder in [GraphBuilder::Own, GraphBuilder::HnswRs] {
            for distance in [Distance::Cosine, Distance::Euclidean, Distance::Dot] {
                let data = Data::new(clusters(200, 40), distance);
                let graph = data.build(None, distance, builder);
                let recall = data.recall(&graph, distance);
                assert!(recall >= 0.95, "recall@10 is {recall} by {builder:?} under {distance}");
                assert!(graph.unreachable().len() < 8, "{} unreachable", graph.unreachable().len());
            }
        }
    }

    #[test]
    fn graph_that_grew_is_as_good_as_one_that_was_built_at_once() {
        for distance in [Distance::Cosine, Distance::Dot] {
            let all: Vec<_> = clusters(200, 40).collect();
            let mut graph: Option<Graph> = None;
            for part in [1000, 1100, 4000, 8000] {
                let data = Data::new(all[..part].iter().cloned(), distance);
                graph = Some(data.build(graph.as_ref(), distance, GraphBuilder::Own));
            }
            let (data, graph) = (Data::new(all.into_iter(), distance), graph.unwrap());
            assert_eq!(graph.len(), 8000);
            let recall = data.recall(&graph, distance);
            assert!(recall >= 0.95, "recall@10 is {recall} under {distance}");
            assert!(graph.unreachable().len() < 8, "{} unreachable", graph.unreachable().len());
        }
    }

    #[test]
    fn equal_vectors_share_a_node_also_with_those_that_come_later() {
        let some: Vec<_> = clusters(30, 10).collect();
        let first = Data::new(some.iter().chain(&some[..7]).cloned(), Distance::Cosine);
        let graph = first.build(None, Distance::Cosine, GraphBuilder::Own);
        assert_eq!((graph.len(), graph.twins().of(3)), (307, &[303][..]));
        let grown = Data::new(some.iter().chain(&some[..7]).chain(&some[3..5]).cloned(), Distance::Cosine);
        let graph = grown.build(Some(&graph), Distance::Cosine, GraphBuilder::Own);
        assert_eq!(
            (graph.len(), graph.twins().of(3), graph.twins().of(4)),
            (309, &[303, 307][..], &[304, 308][..])
        );
        assert_eq!(graph.nearest(&grown.to(307, Distance::Cosine), 1)[0].slot, 3);
    }

    #[test]
    fn walk_passes_through_what_it_may_not_return_and_gives_up_at_its_bound() {
        let data = Data::new(clusters(20, 50), Distance::Cosine);
        let graph = data.build(None, Distance::Cosine, GraphBuilder::Own);
        let few: Bitset = (0..1000).filter(|slot| slot % 10 == 3).collect();
        let to_first = data.to(0, Distance::Cosine);
        let found = graph.nearest_wanted(&to_first, 20, &few, usize::MAX).unwrap();
        assert_eq!(found.len(), 20);
        assert!(found.iter().all(|scored| few.contains(scored.slot)));
        assert!(graph.nearest_wanted(&to_first, 20, &few, 10).is_none());
    }

    #[test]
    fn cancelled_build_gives_no_graph() {
        let data = Data::new(clusters(10, 30), Distance::Cosine);
        let material = Material { rows: &data.rows, codes: &data.codes, distance: Distance::Cosine };
        for builder in [GraphBuilder::Own, GraphBuilder::HnswRs] {
            assert!(build(material, None, params(builder), &AtomicBool::new(true)).is_none());
        }
    }
}
