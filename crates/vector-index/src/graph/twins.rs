//! Slots with equal vectors: the first of them is a node, and stands for the others.

use std::collections::HashMap;

use crate::bitset::Bitset;

/// The slots that are no nodes, by the nodes that stand for them, and the other way round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Twins {
    of_node: HashMap<u32, Vec<u32>>,
    /// The nodes that have twins: asked for each node of a walk.
    nodes: Bitset,
    node_of: HashMap<u32, u32>,
}

impl Twins {
    /// The other slots with the vector of `node`.
    pub(crate) fn of(&self, node: u32) -> &[u32] {
        if self.nodes.contains(node) { self.of_node.get(&node).map_or(&[], Vec::as_slice) } else { &[] }
    }

    /// The node with the vector of `slot`: itself, if it is one.
    pub(crate) fn node_of(&self, slot: u32) -> u32 {
        self.node_of.get(&slot).copied().unwrap_or(slot)
    }

    /// The nodes that have twins, in their order, with them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &[u32])> {
        self.nodes.iter().map(|node| (node, self.of(node)))
    }
}

impl FromIterator<(u32, Vec<u32>)> for Twins {
    fn from_iter<I: IntoIterator<Item = (u32, Vec<u32>)>>(twins: I) -> Self {
        let of_node: HashMap<u32, Vec<u32>> = twins.into_iter().collect();
        let nodes = of_node.keys().copied().collect();
        let node_of =
            of_node.iter().flat_map(|(node, twins)| twins.iter().map(|twin| (*twin, *node))).collect();
        Self { of_node, nodes, node_of }
    }
}
