//! Building: `hnsw_rs` links the nodes, its graph is copied into flat arrays, and each node is searched for once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use hnsw_rs::prelude::{Distance as HnswDistance, Hnsw};

use super::flat::{Graph, Layer};
use super::search::Beam;
use crate::bitset::Bitset;
use crate::distance::{Distance, kernel};
use crate::rows::Rows;

/// How a graph is built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BuildParams {
    /// Links per node in the upper layers (`M`); twice as many in the base layer.
    pub(crate) links: usize,
    /// Candidates from which a node's links are chosen. Above twice [`BuildParams::links`]: below that the selection
    /// heuristic of `hnsw_rs` has nothing to choose from and clusters lose their links to each other.
    pub(crate) breadth: usize,
    /// Threads that insert.
    pub(crate) threads: usize,
}

/// Upper bound of the layers in `hnsw_rs`.
const MAX_LAYERS: usize = 16;
/// Inserted by one thread: with fewer nodes, concurrent insertions do not see, and so do not link, each other.
const SERIAL_INSERTIONS: usize = 256;
/// Breadth of the search in which a node must find itself.
const PROOF_WIDTH: usize = 32;

/// The distance under which the graph is built: the squared Euclidean distance of two rows, by slot, so that the
/// builder copies no vectors. It orders unit vectors as cosine does. `hnsw_rs` demands distances of at least 0, which
/// `-(a . b)` is not: for it, each row gets one more coordinate that makes all rows equally long, after which both
/// orders agree (Bachrach et al. 2014, <https://doi.org/10.1145/2645710.2645741>).
struct BetweenSlots<'a> {
    rows: &'a Rows,
    extra: Option<Vec<f32>>,
}

impl<'a> BetweenSlots<'a> {
    fn new(rows: &'a Rows, distance: Distance) -> Self {
        let extra = (distance == Distance::Dot).then(|| {
            let squares: Vec<f32> = rows.iter().map(|row| kernel::dot(row, row)).collect();
            let longest = squares.iter().copied().fold(0.0, f32::max);
            squares.into_iter().map(|square| (longest - square).sqrt()).collect()
        });
        Self { rows, extra }
    }
}

impl HnswDistance<u32> for BetweenSlots<'_> {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        let (&[a], &[b]) = (a, b) else { return f32::MAX };
        let extra = self.extra.as_ref().map_or(0.0, |extra| extra[a as usize] - extra[b as usize]);
        kernel::squared_euclidean(self.rows.row(a), self.rows.row(b)) + extra * extra
    }
}

/// Builds the graph over all of `rows`, at least one. `None` if `cancelled` became true meanwhile.
pub(crate) fn build(
    rows: &Rows,
    distance: Distance,
    params: BuildParams,
    cancelled: &AtomicBool,
) -> Option<Graph> {
    let (nodes, twins) = distinct(rows);
    let hnsw = Hnsw::new(
        params.links,
        nodes.len(),
        MAX_LAYERS,
        params.breadth.max(2 * params.links + 1),
        BetweenSlots::new(rows, distance),
    );
    let insert = |node: u32| hnsw.insert_slice((&[node], node as usize));
    let (serial, parallel) = nodes.split_at(nodes.len().min(SERIAL_INSERTIONS));
    serial.iter().copied().for_each(insert);
    for_each_parallel(parallel, params.threads, cancelled, insert);
    if cancelled.load(Relaxed) {
        return None;
    }
    let mut graph = flatten(&hnsw, rows.len(), twins)?;
    drop(hnsw);
    graph.unreachable = nodes_that_miss_themselves(&graph, rows, distance, &nodes, params.threads, cancelled);
    (!cancelled.load(Relaxed)).then_some(graph)
}

/// The first slot of each distinct vector, and the other slots of those that occur more often.
fn distinct(rows: &Rows) -> (Vec<u32>, HashMap<u32, Vec<u32>>) {
    let mut by_hash: HashMap<u64, Vec<u32>> = HashMap::with_capacity(rows.len());
    let (mut nodes, mut twins) = (Vec::new(), HashMap::<u32, Vec<u32>>::new());
    for (slot, row) in (0_u32..).zip(rows.iter()) {
        let mut hasher = DefaultHasher::new();
        row.iter().for_each(|x| hasher.write_u32(x.to_bits()));
        let candidates = by_hash.entry(hasher.finish()).or_default();
        match candidates.iter().find(|node| rows.row(**node) == row) {
            Some(node) => twins.entry(*node).or_default().push(slot),
            None => {
                candidates.push(slot);
                nodes.push(slot);
            }
        }
    }
    (nodes, twins)
}

fn for_each_parallel(nodes: &[u32], threads: usize, cancelled: &AtomicBool, work: impl Fn(u32) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
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

/// Copies the links out of `hnsw`; `None` if it is empty.
fn flatten(
    hnsw: &Hnsw<'_, u32, BetweenSlots<'_>>,
    slots: usize,
    twins: HashMap<u32, Vec<u32>>,
) -> Option<Graph> {
    let top = usize::from(hnsw.get_max_level_observed());
    let points = hnsw.get_point_indexation();
    let entry = points.get_layer_iterator(top).next()?.get_origin_id() as u32;
    let mut base = vec![Vec::new(); slots];
    let mut upper = vec![Vec::new(); top];
    for point in points {
        let node = point.get_origin_id() as u32;
        let level = usize::from(point.get_point_id().0);
        // Above a point's own level hnsw_rs keeps where the insertion came by: not links.
        for (layer, neighbours) in point.get_neighborhood_id().into_iter().enumerate().take(level + 1) {
            let links: Vec<u32> =
                neighbours.iter().map(|n| n.d_id as u32).filter(|link| *link != node).collect();
            match layer.checked_sub(1) {
                None => base[node as usize] = links,
                Some(above) => upper[above].push((node, links)),
            }
        }
    }
    let upper = upper.into_iter().map(|mut layer: Vec<(u32, Vec<u32>)>| {
        layer.sort_unstable();
        let nodes = layer.iter().map(|(node, _)| *node).collect();
        Layer::from_lists(nodes, layer.iter().map(|(_, links)| links.as_slice()))
    });
    Some(Graph {
        entry,
        upper: upper.collect(),
        base: Layer::from_lists(Vec::new(), base.iter().map(Vec::as_slice)),
        twins,
        unreachable: Vec::new(),
    })
}

/// Proves reachability by use: every node is searched for by its own vector. Those not found (`hnsw_rs` left 48 of
/// 100,000 without a path) go to the list that each search scans, so that every stored vector finds itself.
fn nodes_that_miss_themselves(
    graph: &Graph,
    rows: &Rows,
    distance: Distance,
    nodes: &[u32],
    threads: usize,
    cancelled: &AtomicBool,
) -> Vec<u32> {
    let eligible: Bitset = (0..graph.len()).collect();
    // Under dot a vector is not its own nearest neighbour.
    let distance = if distance == Distance::Dot { Distance::Euclidean } else { distance };
    let missed = Mutex::new(Vec::new());
    for_each_parallel(nodes, threads, cancelled, |node| {
        let query = rows.row(node);
        let (width, max_visits) = (PROOF_WIDTH, usize::MAX);
        let found = graph.search(&Beam { rows, distance, query, eligible: &eligible, width, max_visits });
        if !found.unwrap_or_default().iter().any(|scored| scored.slot == node)
            && let Ok(mut missed) = missed.lock()
        {
            missed.push(node);
        }
    });
    let mut missed = missed.into_inner().unwrap_or_default();
    missed.sort_unstable();
    missed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_that_no_link_leads_to_is_noticed() {
        let mut rows = Rows::new(4);
        for i in 0..300_u16 {
            rows.push(&[1.0, 2.0, 3.0, 4.0].map(|j| (f32::from(i) * 7.3 * j).sin()));
        }
        let params = BuildParams { links: 8, breadth: 100, threads: 1 };
        let cancelled = AtomicBool::new(false);
        let mut graph = build(&rows, Distance::Euclidean, params, &cancelled).unwrap();
        assert_eq!(graph.unreachable, Vec::<u32>::new());

        let lost = (graph.entry + 7) % 300;
        let lists: Vec<Vec<u32>> = (0..300)
            .map(|node| graph.base.links_at(node).iter().copied().filter(|link| *link != lost).collect())
            .collect();
        graph.base = Layer::from_lists(Vec::new(), lists.iter().map(Vec::as_slice));
        graph.upper.clear();
        let nodes: Vec<u32> = (0..300).collect();
        let missed = nodes_that_miss_themselves(&graph, &rows, Distance::Euclidean, &nodes, 2, &cancelled);
        assert!(missed.contains(&lost) && missed.len() < 10, "{missed:?} instead of {lost}");
    }

    #[test]
    fn equal_vectors_share_a_node() {
        let mut rows = Rows::new(1);
        [1.0, 2.0, 1.0, 3.0, 2.0, 1.0].iter().for_each(|x| rows.push(&[*x]));
        let (nodes, twins) = distinct(&rows);
        assert_eq!(nodes, [0, 1, 3]);
        assert_eq!(twins, HashMap::from([(0, vec![2, 5]), (1, vec![4])]));
    }
}
