//! Building: equal vectors become one node, a builder links the nodes, and each is searched for once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use super::flat::{Graph, Layer};
use super::foreign;
use super::insert::Growing;
use super::landmarks;
use super::proof::{self, nodes_that_miss_themselves};
use super::space::Space;
use super::twins::Twins;
use super::walk::MAX_NODES;
use crate::codes::Codes;
use crate::distance::Distance;
use crate::rows::Rows;
use crate::segment::RowBuffer;
use crate::settings::GraphBuilder;

/// How a graph is built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BuildParams {
    pub(crate) builder: GraphBuilder,
    /// Links per node in the upper layers (`M`); twice as many in the base layer.
    pub(crate) links: usize,
    /// Candidates from which a node's links are chosen (`ef_construction`).
    pub(crate) breadth: usize,
    /// Threads that insert.
    pub(crate) threads: usize,
}

/// Inserted by one thread: with fewer nodes, concurrent insertions do not see, and so do not link, each other.
pub(super) const SERIAL_INSERTIONS: usize = 256;

/// What a graph is built over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Material<'a> {
    pub(crate) rows: &'a Rows,
    /// Of the same slots as `rows`.
    pub(crate) codes: &'a Codes,
    pub(crate) distance: Distance,
}

/// Builds the graph over all slots, at least one, or adds to `old`, which covers the first of them, those behind it.
/// `None` if `cancelled` became true, or for more slots than a walk can number: such an index is scanned.
pub(crate) fn build(
    material: Material<'_>,
    old: Option<&Graph>,
    params: BuildParams,
    cancelled: &AtomicBool,
) -> Option<Graph> {
    let Material { rows, codes, distance } = material;
    if codes.len() > MAX_NODES as usize {
        return None;
    }
    let (nodes, twins) = distinct(rows, codes);
    let space = Space::new(codes, distance);
    let covered = old.map_or(0, Graph::len);
    let new = &nodes[nodes.partition_point(|node| *node < covered)..];
    let (entry, mut layers) = match (old, params.builder) {
        (Some(old), _) => link(&Growing::from(old, &space, new, params), new, params.threads, cancelled),
        (None, GraphBuilder::Own) => link(&Growing::new(&space, new, params), new, params.threads, cancelled),
        (None, GraphBuilder::HnswRs) => foreign::build(&space, new, params, cancelled)?,
    };
    if cancelled.load(Relaxed) {
        return None;
    }
    let base = layers.remove(0);
    let mut unreachable = old.map(|old| old.unreachable.clone()).unwrap_or_default();
    let landmarks = landmarks::choose(&space, &nodes);
    let mut graph = Graph { landmarks, entry, base, upper: layers, twins, ..Graph::default() };
    unreachable.extend(nodes_that_miss_themselves(&graph, &space, new, params.threads, cancelled));
    graph.unreachable = proof::repair(&mut graph, &space, unreachable);
    graph.effort = proof::effort(&graph, &space, &nodes);
    (!cancelled.load(Relaxed)).then_some(graph)
}

/// Inserts `nodes` and returns the entry point and the layers from the base upwards.
fn link(growing: &Growing<'_>, nodes: &[u32], threads: usize, cancelled: &AtomicBool) -> (u32, Vec<Layer>) {
    let others: Vec<u32> = nodes.iter().copied().filter(|node| *node != growing.entry()).collect();
    let (serial, parallel) = others.split_at(others.len().min(SERIAL_INSERTIONS));
    let worker = || {
        let mut workplace = growing.workplace();
        move |node| growing.insert(node, &mut workplace)
    };
    serial.iter().copied().for_each(worker());
    for_each_parallel(parallel, threads, cancelled, worker);
    growing.finish()
}

/// The first slot of each distinct vector, and the other slots of those that occur more often.
fn distinct(rows: &Rows, codes: &Codes) -> (Vec<u32>, Twins) {
    let mut by_hash: Vec<(u32, u32)> = (0..codes.len() as u32).map(|slot| (codes.hash(slot), slot)).collect();
    by_hash.sort_unstable();
    let (mut nodes, mut twins) = (Vec::new(), HashMap::<u32, Vec<u32>>::new());
    let (mut one, mut other) = (RowBuffer::default(), RowBuffer::default());
    let mut are_equal = |a, b| match (rows.row(a, &mut one), rows.row(b, &mut other)) {
        (Ok(a), Ok(b)) => a == b,
        // What cannot be read gets a node of its own, as good as any.
        _ => false,
    };
    for alike in by_hash.chunk_by(|a, b| a.0 == b.0) {
        let first_node = nodes.len();
        for (_, slot) in alike {
            match nodes[first_node..].iter().find(|node| are_equal(**node, *slot)) {
                Some(node) => twins.entry(*node).or_default().push(*slot),
                None => nodes.push(*slot),
            }
        }
    }
    nodes.sort_unstable();
    (nodes, twins.into_iter().collect())
}

/// Gives each node to one of the `threads`, which work with what `worker` makes for each, until `cancelled`.
pub(super) fn for_each_parallel<W: FnMut(u32)>(
    nodes: &[u32],
    threads: usize,
    cancelled: &AtomicBool,
    worker: impl Fn() -> W + Sync,
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut work = worker();
                while let Some(node) = nodes.get(next.fetch_add(1, Relaxed)) {
                    if cancelled.load(Relaxed) {
                        break;
                    }
                    work(*node);
                }
            });
        }
    });
}
