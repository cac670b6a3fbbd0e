//! The own builder: insertions by several threads at once into flat arrays (algorithms 1 and 4 of the HNSW paper).
//!
//! Links are read without locks and changed under a lock of the node that they belong to: a walk that meets a node in
//! the middle of a change misses a neighbour or sees one twice, which costs it nothing but a little.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use parking_lot::Mutex;

use super::build::BuildParams;
use super::flat::{Graph, Layer, Links, NONE};
use super::space::Space;
use super::walk::{Ranking, Scored, Scratch};
use crate::codes::Probe;
use crate::kernel::prefetch;

/// A graph that takes insertions.
pub(super) struct Growing<'a> {
    space: &'a Space<'a>,
    params: BuildParams,
    entry: u32,
    /// From the base upwards.
    layers: Vec<GrowingLayer>,
    locks: Vec<Mutex<()>>,
}

/// One layer: room for `max_links` links of each node.
struct GrowingLayer {
    /// Ascending; empty for the base layer, where position and slot are the same.
    nodes: Vec<u32>,
    max_links: usize,
    links: Vec<AtomicU32>,
}

/// What an insertion needs room for.
pub(super) struct Workplace {
    scratch: Scratch,
    probe: Probe,
    /// A second probe, for the neighbours whose links are chosen anew.
    other: Probe,
    ranks: Vec<f32>,
}

/// The layer up to which a slot is linked: geometric, as from a random number, but the same at each build.
fn level_of(slot: u32, links: usize) -> usize {
    let uniform = (f64::from(mix(slot)) + 1.0) / (f64::from(u32::MAX) + 2.0);
    (-uniform.ln() / (links as f64).ln()) as usize
}

/// Spreads neighbouring numbers over all (the finaliser of MurmurHash3).
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^= x >> 13;
    x = x.wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

/// More layers than any number of slots needs.
const MAX_LEVEL: usize = 15;

impl<'a> Growing<'a> {
    /// A graph for `nodes`, ascending and at least one, of which [`Growing::entry`] is in; the others are to be inserted.
    pub(super) fn new(space: &'a Space<'a>, nodes: &[u32], params: BuildParams) -> Self {
        let level = |node: u32| level_of(node, params.links).min(MAX_LEVEL);
        let top = nodes.iter().map(|node| level(*node)).max().unwrap_or(0);
        let entry = nodes.iter().copied().find(|node| level(*node) == top).unwrap_or(0);
        let slots = space.codes.len();
        let members =
            |layer: usize| nodes.iter().copied().filter(move |node| level(*node) >= layer).collect();
        let upper = (1..=top).map(|layer| GrowingLayer::upper(members(layer), params.links));
        let layers = std::iter::once(GrowingLayer::base(slots, 2 * params.links)).chain(upper).collect();
        Self { space, params, entry, layers, locks: locks(slots) }
    }

    /// All that is in `graph`, and `nodes`, all behind it and ascending, to be inserted.
    pub(super) fn from(graph: &Graph, space: &'a Space<'a>, nodes: &[u32], params: BuildParams) -> Self {
        let slots = space.codes.len();
        let mut layers = vec![GrowingLayer::base(slots, 2 * params.links)];
        for (layer, old) in (1..).zip(&graph.upper) {
            // No new layers: a walk from the top one is a little longer until the graph is built anew.
            let new = nodes.iter().copied().filter(|node| level_of(*node, params.links) >= layer);
            layers.push(GrowingLayer::upper(old.nodes.iter().copied().chain(new).collect(), params.links));
        }
        for (layer, old) in layers.iter().zip(std::iter::once(&graph.base).chain(&graph.upper)) {
            for position in 0..old.len() {
                let links: Vec<u32> = old.links_at(position).collect();
                layer.put_at(position, &links);
            }
        }
        Self { space, params, entry: graph.entry, layers, locks: locks(slots) }
    }

    /// The node that is in from the beginning.
    pub(super) fn entry(&self) -> u32 {
        self.entry
    }

    pub(super) fn workplace(&self) -> Workplace {
        let probe = self.space.codes.probe(&[], self.space.distance);
        Workplace { scratch: Scratch::default(), other: probe.clone(), probe, ranks: Vec::new() }
    }

    /// Links `node`, which is not in yet, with its nearest.
    pub(super) fn insert(&self, node: u32, workplace: &mut Workplace) {
        let Workplace { scratch, probe, other, ranks } = workplace;
        let ranking = self.space.from(node, probe);
        ranking.ranks(&[self.entry], ranks);
        let mut nearest = Scored { rank: ranks[0], slot: self.entry };
        let level = self.layers.iter().rposition(|layer| layer.position(node).is_some()).unwrap_or(0);
        for layer in self.layers[level + 1..].iter().rev() {
            nearest = scratch.descend(layer, &ranking, nearest);
        }
        for layer in self.layers[..=level].iter().rev() {
            let found = scratch.nearest(layer, self.locks.len(), &ranking, nearest, self.params.breadth);
            // Another thread may have linked to this node already.
            let found: Vec<Scored> = found.filter(|scored| scored.slot != node).collect();
            let chosen = self.choose(found.iter().copied(), self.params.links);
            nearest = found.first().copied().unwrap_or(nearest);
            self.link(layer, node, &chosen, other, ranks);
        }
    }

    /// Links `node` to `chosen` and those to it.
    fn link(
        &self,
        layer: &GrowingLayer,
        node: u32,
        chosen: &[Scored],
        probe: &mut Probe,
        ranks: &mut Vec<f32>,
    ) {
        {
            let _lock = self.locks[node as usize].lock();
            // Links that other threads have made to this node meanwhile stay behind the chosen ones.
            let mut links: Vec<u32> = chosen.iter().map(|scored| scored.slot).collect();
            layer.for_each(node, |link| {
                if !links.contains(&link) {
                    links.push(link);
                }
            });
            layer.put(node, &links);
        }
        for neighbour in chosen {
            self.link_back(layer, neighbour.slot, Scored { slot: node, ..*neighbour }, probe, ranks);
        }
    }

    /// Adds a link from `node` to `new`; where there is no room, the links are chosen anew.
    fn link_back(
        &self,
        layer: &GrowingLayer,
        node: u32,
        new: Scored,
        probe: &mut Probe,
        ranks: &mut Vec<f32>,
    ) {
        let _lock = self.locks[node as usize].lock();
        let mut links = Vec::with_capacity(layer.max_links + 1);
        layer.for_each(node, |link| links.push(link));
        if links.contains(&new.slot) {
            return;
        }
        if links.len() < layer.max_links {
            layer.append(node, links.len(), new.slot);
            return;
        }
        self.space.from(node, probe).ranks(&links, ranks);
        let mut scored: Vec<Scored> =
            links.iter().zip(ranks).map(|(slot, rank)| Scored { rank: *rank, slot: *slot }).collect();
        scored.push(new);
        scored.sort_unstable();
        let kept = self.choose(scored.into_iter(), layer.max_links);
        layer.put(node, &kept.iter().map(|scored| scored.slot).collect::<Vec<_>>());
    }

    /// Of `candidates`, nearest first, those that are nearer to the node than to any chosen before: links into all
    /// directions instead of many into one (algorithm 4).
    fn choose(&self, candidates: impl Iterator<Item = Scored>, at_most: usize) -> Vec<Scored> {
        let mut chosen: Vec<Scored> = Vec::with_capacity(at_most);
        for candidate in candidates {
            let is_apart =
                chosen.iter().all(|other| self.space.between(candidate.slot, other.slot) >= candidate.rank);
            if is_apart {
                chosen.push(candidate);
            }
            if chosen.len() == at_most {
                break;
            }
        }
        chosen
    }

    /// The layers as they are served, from the base upwards, and the entry point.
    pub(super) fn finish(&self) -> (u32, Vec<Layer>) {
        let layers = self.layers.iter().map(|layer| {
            let lists = layer
                .links
                .chunks(layer.max_links)
                .map(|row| row.iter().map(|link| link.load(Relaxed)).take_while(|link| *link != NONE));
            Layer::from_lists(layer.nodes.clone(), layer.max_links, lists)
        });
        (self.entry, layers.collect())
    }
}

/// One for each slot.
fn locks(slots: usize) -> Vec<Mutex<()>> {
    (0..slots).map(|_| Mutex::new(())).collect()
}

impl GrowingLayer {
    fn base(slots: usize, max_links: usize) -> Self {
        Self { nodes: Vec::new(), max_links, links: unlinked(slots * max_links) }
    }

    fn upper(nodes: Vec<u32>, max_links: usize) -> Self {
        let links = unlinked(nodes.len() * max_links);
        Self { nodes, max_links, links }
    }

    fn position(&self, node: u32) -> Option<usize> {
        if self.nodes.is_empty() { Some(node as usize) } else { self.nodes.binary_search(&node).ok() }
    }

    fn row(&self, node: u32) -> &[AtomicU32] {
        self.position(node).map_or(&[], |position| &self.links[position * self.max_links..][..self.max_links])
    }

    /// Replaces the links of `node`. Its lock is held.
    fn put(&self, node: u32, links: &[u32]) {
        if let Some(position) = self.position(node) {
            self.put_at(position, links);
        }
    }

    fn put_at(&self, position: usize, links: &[u32]) {
        let row = &self.links[position * self.max_links..][..self.max_links];
        for (place, cell) in row.iter().enumerate() {
            cell.store(links.get(place).copied().unwrap_or(NONE), Relaxed);
        }
    }

    /// Adds a link behind the `at` that `node` has. Its lock is held.
    fn append(&self, node: u32, at: usize, link: u32) {
        if let Some(cell) = self.row(node).get(at) {
            cell.store(link, Relaxed);
        }
    }
}

fn unlinked(places: usize) -> Vec<AtomicU32> {
    (0..places).map(|_| AtomicU32::new(NONE)).collect()
}

impl Links for GrowingLayer {
    #[inline]
    fn for_each(&self, node: u32, mut visit: impl FnMut(u32)) {
        for cell in self.row(node) {
            match cell.load(Relaxed) {
                NONE => break,
                link => visit(link),
            }
        }
    }

    #[inline]
    fn prefetch(&self, node: u32) {
        if self.nodes.is_empty() {
            self.row(node).chunks(16).for_each(|line| prefetch(line.as_ptr()));
        }
    }
}
