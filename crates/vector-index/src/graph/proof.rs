//! Reachability, proved by use: every node is searched for by its own vector.
//!
//! A graph of this kind may have nodes that no walk comes to (`hnsw_rs` left 48 of 100,000 without a path, our own
//! builder about as many): they get links from where the search for them ended, and those that are missed all the same
//! go to a list that each search scans, so that every stored vector finds itself.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::build::for_each_parallel;
use super::flat::Graph;
use super::space::Space;

/// Breadth of the search in which a node must find itself.
const PROOF_WIDTH: usize = 32;
/// How often missed nodes are given links and searched for again.
const REPAIRS: usize = 3;
/// Links that a missed node is given at a time.
const REPAIR_LINKS: usize = 4;

/// Those of `nodes` that a search for their own vector does not find, ascending.
pub(super) fn nodes_that_miss_themselves(
    graph: &Graph,
    space: &Space<'_>,
    nodes: &[u32],
    threads: usize,
    cancelled: &AtomicBool,
) -> Vec<u32> {
    let missed = Mutex::new(Vec::new());
    for_each_parallel(nodes, threads, cancelled, || {
        let mut probe = space.codes.probe(&[], space.distance);
        let missed = &missed;
        move |node| {
            let found = graph.nearest(&space.from(node, &mut probe), PROOF_WIDTH);
            if !found.iter().any(|scored| scored.slot == node)
                && let Ok(mut missed) = missed.lock()
            {
                missed.push(node);
            }
        }
    });
    let mut missed = missed.into_inner().unwrap_or_default();
    missed.sort_unstable();
    missed
}

/// Gives each of the `missed` nodes links from the nearest nodes that have room; returns those that are missed still.
pub(super) fn repair(graph: &mut Graph, space: &Space<'_>, mut missed: Vec<u32>) -> Vec<u32> {
    let mut probe = space.codes.probe(&[], space.distance);
    for _ in 0..REPAIRS {
        for node in &missed {
            let near = graph.nearest(&space.from(*node, &mut probe), PROOF_WIDTH);
            let mut added = 0;
            for neighbour in near.iter().filter(|near| near.slot != *node) {
                added += usize::from(graph.base.add_link(neighbour.slot as usize, *node));
                if added == REPAIR_LINKS {
                    break;
                }
            }
        }
        missed.retain(|node| {
            let near = graph.nearest(&space.from(*node, &mut probe), PROOF_WIDTH);
            !near.iter().any(|near| near.slot == *node)
        });
    }
    missed
}

/// Breadth of the walks by which effort is measured: the default of searches.
const EFFORT_WIDTH: usize = 64;
/// How many walks.
const EFFORT_WALKS: usize = 256;

/// Measures [`Graph::effort`] by walks to some of `nodes`.
pub(super) fn effort(graph: &Graph, space: &Space<'_>, nodes: &[u32]) -> u32 {
    let mut probe = space.codes.probe(&[], space.distance);
    let sample = nodes.iter().step_by(nodes.len().div_ceil(EFFORT_WALKS).max(1));
    let visits: Vec<usize> =
        sample.map(|node| graph.visits_to(&space.from(*node, &mut probe), EFFORT_WIDTH)).collect();
    let kept = visits.len() * EFFORT_WIDTH.min(nodes.len());
    visits.iter().sum::<usize>().div_ceil(kept.max(1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Codes;
    use crate::distance::Distance;
    use crate::graph::flat::Layer;

    #[test]
    fn node_that_no_link_leads_to_is_noticed_and_given_links() {
        let mut codes = Codes::new(4);
        for i in 0..300_u16 {
            codes.push(&[1.0, 2.0, 3.0, 4.0].map(|j| (f32::from(i) * 7.3 * j).sin()));
        }
        let space = Space::new(&codes, Distance::Euclidean);
        // Each is linked to its nearest but for number 7, to which none is.
        let nearest = |node: u32| {
            let mut others: Vec<u32> = (0..300).filter(|other| *other != node && *other != 7).collect();
            others.sort_by(|a, b| space.between(node, *a).total_cmp(&space.between(node, *b)));
            let (near, far) = (others[..20].to_vec(), others[20 + node as usize % 200]);
            near.into_iter().chain([far])
        };
        let base = Layer::from_lists(Vec::new(), 32, (0..300).map(nearest));
        let mut graph = Graph { landmarks: vec![0], base, ..Graph::default() };
        let nodes: Vec<u32> = (0..300).collect();
        let missed = nodes_that_miss_themselves(&graph, &space, &nodes, 2, &AtomicBool::new(false));
        assert!(missed.contains(&7) && missed.len() < 10, "{missed:?}");
        assert_eq!(repair(&mut graph, &space, missed), Vec::<u32>::new());
    }
}
