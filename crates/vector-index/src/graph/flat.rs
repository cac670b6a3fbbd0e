//! The graph as flat arrays, in memory and on disk.

use std::collections::HashMap;

use crate::codec::{Fields, Malformed, Put};

/// Links of one layer: those of the node at position `i` are `links[offsets[i]..offsets[i + 1]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layer {
    /// The nodes of the layer, ascending; empty for the base layer, where position and slot are the same.
    pub(super) nodes: Vec<u32>,
    pub(super) offsets: Vec<u32>,
    pub(super) links: Vec<u32>,
}

impl Layer {
    pub(super) fn from_lists<'a>(nodes: Vec<u32>, lists: impl Iterator<Item = &'a [u32]>) -> Self {
        let mut layer = Self { nodes, offsets: vec![0], links: Vec::new() };
        for list in lists {
            layer.links.extend_from_slice(list);
            layer.offsets.push(layer.links.len() as u32);
        }
        layer
    }

    #[inline]
    pub(super) fn links_at(&self, position: usize) -> &[u32] {
        &self.links[self.offsets[position] as usize..self.offsets[position + 1] as usize]
    }

    /// The links of a slot in an upper layer.
    pub(super) fn links_of(&self, slot: u32) -> &[u32] {
        self.nodes.binary_search(&slot).map_or(&[], |position| self.links_at(position))
    }
}

/// A finished graph over slots `0..len`. Equal vectors share one node: the first slot stands for its twins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Graph {
    pub(super) entry: u32,
    pub(super) base: Layer,
    /// From the layer above the base upwards.
    pub(super) upper: Vec<Layer>,
    /// Slots with the same vector as a node, by that node.
    pub(super) twins: HashMap<u32, Vec<u32>>,
    /// Nodes that a search for their own vector did not find: scanned in every search.
    pub(super) unreachable: Vec<u32>,
}

impl Graph {
    /// How many slots it covers.
    pub(crate) fn len(&self) -> u32 {
        self.base.offsets.len() as u32 - 1
    }

    /// Nodes that links do not lead to.
    pub(crate) fn unreachable(&self) -> &[u32] {
        &self.unreachable
    }

    /// The other slots with the vector of `node`.
    pub(crate) fn twins(&self, node: u32) -> &[u32] {
        self.twins.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Its form in a segment file: entry, unreachable, twins, layers from the base upwards; lists as `u32` count and
    /// `u32` elements.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |list: &[u32]| {
            out.put_u32(list.len() as u32);
            for value in list {
                out.put_u32(*value);
            }
        };
        put(&[self.entry]);
        put(&self.unreachable);
        let mut nodes: Vec<u32> = self.twins.keys().copied().collect();
        nodes.sort_unstable();
        put(&nodes);
        for node in &nodes {
            put(self.twins(*node));
        }
        put(&[self.upper.len() as u32]);
        for layer in std::iter::once(&self.base).chain(&self.upper) {
            put(&layer.nodes);
            put(&layer.offsets);
            put(&layer.links);
        }
        out
    }

    /// Inverse of [`Graph::encode`], for `slots` slots. What it returns can be searched without going out of bounds.
    pub(crate) fn decode(bytes: &[u8], slots: u32) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        let [entry] = fields.u32s()?[..] else { return Err("the graph has no entry point") };
        let unreachable = fields.u32s()?;
        let mut twins = HashMap::new();
        for node in fields.u32s()? {
            twins.insert(node, fields.u32s()?);
        }
        let [upper_layers] = fields.u32s()?[..] else { return Err("the graph has no layer count") };
        let mut layer =
            || Ok(Layer { nodes: fields.u32s()?, offsets: fields.u32s()?, links: fields.u32s()? });
        let base = layer()?;
        let upper = (0..upper_layers).map(|_| layer()).collect::<Result<Vec<_>, Malformed>>()?;
        fields.end()?;
        let graph = Self { entry, base, upper, twins, unreachable };
        graph.check(slots)?;
        Ok(graph)
    }

    fn check(&self, slots: u32) -> Result<(), Malformed> {
        let layers_are_sound = self.base.offsets.len() == slots as usize + 1
            && self.upper.iter().all(|layer| layer.offsets.len() == layer.nodes.len() + 1)
            && std::iter::once(&self.base).chain(&self.upper).all(|layer| {
                layer.offsets.is_sorted()
                    && layer.offsets.first() == Some(&0)
                    && layer.offsets.last() == Some(&(layer.links.len() as u32))
                    && layer.nodes.is_sorted()
            });
        let is_within = |list: &Vec<u32>| list.iter().all(|slot| *slot < slots);
        let is_bounded = self.entry < slots
            && is_within(&self.unreachable)
            && self.twins.iter().all(|(node, twins)| *node < slots && is_within(twins))
            && is_within(&self.base.links)
            && self.upper.iter().all(|layer| is_within(&layer.links) && is_within(&layer.nodes));
        if layers_are_sound && is_bounded { Ok(()) } else { Err("the graph points outside itself") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Graph {
        let lists: [&[u32]; 4] = [&[1, 2], &[0], &[0, 1], &[]];
        Graph {
            entry: 2,
            base: Layer::from_lists(Vec::new(), lists.into_iter()),
            upper: vec![Layer::from_lists(vec![0, 2], [&[2_u32][..], &[0]].into_iter())],
            twins: HashMap::from([(1, vec![3])]),
            unreachable: vec![1],
        }
    }

    #[test]
    fn graph_round_trips() {
        let graph = sample();
        assert_eq!(Graph::decode(&graph.encode(), 4).unwrap(), graph);
    }

    #[test]
    fn graph_that_points_outside_is_refused() {
        assert!(Graph::decode(&sample().encode(), 3).is_err());
        let mut wild = sample();
        wild.base.links[0] = 4;
        assert!(Graph::decode(&wild.encode(), 4).is_err());
        wild = sample();
        wild.base.offsets[1] = 9;
        assert!(Graph::decode(&wild.encode(), 4).is_err());
    }
}
