//! The builder of the crate `hnsw_rs`, behind [`crate::Settings::graph_builder`].

use std::sync::atomic::AtomicBool;

use hnsw_rs::prelude::{Distance, Hnsw};

use super::build::{BuildParams, SERIAL_INSERTIONS, for_each_parallel};
use super::flat::Layer;
use super::space::Space;

/// Upper bound of the layers in `hnsw_rs`.
const MAX_LAYERS: usize = 16;

/// Slots stand for their vectors, so that the builder copies none.
struct BetweenSlots<'a>(&'a Space<'a>);

impl Distance<u32> for BetweenSlots<'_> {
    fn eval(&self, a: &[u32], b: &[u32]) -> f32 {
        match (a, b) {
            (&[a], &[b]) => self.0.between(a, b),
            _ => f32::MAX,
        }
    }
}

/// Links `nodes`, and returns the entry point and the layers from the base upwards; `None` if there are no nodes.
pub(super) fn build(
    space: &Space<'_>,
    nodes: &[u32],
    params: BuildParams,
    cancelled: &AtomicBool,
) -> Option<(u32, Vec<Layer>)> {
    // With no more candidates than places its selection has nothing to choose from, and clusters lose their links
    // to each other.
    let breadth = params.breadth.max(2 * params.links + 1);
    let hnsw = Hnsw::new(params.links, nodes.len(), MAX_LAYERS, breadth, BetweenSlots(space));
    let insert = |node: u32| hnsw.insert_slice((&[node], node as usize));
    let (serial, parallel) = nodes.split_at(nodes.len().min(SERIAL_INSERTIONS));
    serial.iter().copied().for_each(insert);
    for_each_parallel(parallel, params.threads, cancelled, || |node| insert(node));
    flatten(&hnsw, space.codes.len(), params)
}

/// Copies the links out of `hnsw`; `None` if it is empty.
fn flatten(
    hnsw: &Hnsw<'_, u32, BetweenSlots<'_>>,
    slots: usize,
    params: BuildParams,
) -> Option<(u32, Vec<Layer>)> {
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
        Layer::from_lists(nodes, 2 * params.links, layer.into_iter().map(|(_, links)| links))
    });
    let base = Layer::from_lists(Vec::new(), 2 * params.links, base.into_iter());
    Some((entry, std::iter::once(base).chain(upper).collect()))
}
