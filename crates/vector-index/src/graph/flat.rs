//! The graph as flat arrays, in memory and on disk.

use super::twins::Twins;
use crate::codec::{Fields, Malformed, Put};
use crate::kernel::prefetch;
use crate::table::{Line, WORDS_PER_LINE, advise_huge_pages, as_words};

/// Fills the places behind a node's last link.
pub(super) const NONE: u32 = u32::MAX;

const OUTSIDE: Malformed = "the graph points outside itself";

/// The links of one layer: so many places for each node, whole cache lines, the unused ones [`NONE`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layer {
    /// The nodes of the layer, ascending; empty for the base layer, where position and slot are the same.
    pub(super) nodes: Vec<u32>,
    lines_per_node: usize,
    lines: Vec<Line>,
}

/// How a walk gets from a node to its neighbours.
pub(super) trait Links {
    fn for_each(&self, node: u32, visit: impl FnMut(u32));

    /// Says that the links of `node` will be wanted.
    fn prefetch(&self, _node: u32) {}
}

impl Layer {
    /// A layer whose nodes have at most `max_links` links; those of the node at each position, in turn, are `lists`.
    pub(super) fn from_lists<I: IntoIterator<Item = u32>>(
        nodes: Vec<u32>,
        max_links: usize,
        lists: impl Iterator<Item = I>,
    ) -> Self {
        let lines_per_node = max_links.div_ceil(WORDS_PER_LINE).max(1);
        let mut lines = Vec::with_capacity(lists.size_hint().0 * lines_per_node);
        advise_huge_pages(lines.spare_capacity_mut());
        for list in lists {
            let mut words = list.into_iter().take(max_links);
            for _ in 0..lines_per_node {
                lines.push(Line::from_words(std::array::from_fn(|_| words.next().unwrap_or(NONE))));
            }
        }
        Self { nodes, lines_per_node, lines }
    }

    /// How many nodes it has.
    pub(super) fn len(&self) -> usize {
        self.lines.len().checked_div(self.lines_per_node).unwrap_or(0)
    }

    #[inline]
    fn row(&self, position: usize) -> &[Line] {
        &self.lines[position * self.lines_per_node..][..self.lines_per_node]
    }

    #[inline]
    pub(super) fn links_at(&self, position: usize) -> impl Iterator<Item = u32> {
        as_words(self.row(position)).iter().copied().take_while(|link| *link != NONE)
    }

    /// Adds a link to the node at `position`; returns whether there was room.
    pub(super) fn add_link(&mut self, position: usize, link: u32) -> bool {
        let place = self.links_at(position).count();
        let line = place / WORDS_PER_LINE;
        if line == self.lines_per_node {
            return false;
        }
        let line = &mut self.lines[position * self.lines_per_node + line];
        let mut words = line.words();
        words[place % WORDS_PER_LINE] = link;
        *line = Line::from_words(words);
        true
    }

    /// Where the links of `node` are.
    fn position(&self, node: u32) -> Option<usize> {
        if self.nodes.is_empty() { Some(node as usize) } else { self.nodes.binary_search(&node).ok() }
    }
}

impl Links for Layer {
    #[inline]
    fn for_each(&self, node: u32, visit: impl FnMut(u32)) {
        if let Some(position) = self.position(node) {
            self.links_at(position).for_each(visit);
        }
    }

    #[inline]
    fn prefetch(&self, node: u32) {
        if self.nodes.is_empty() {
            self.row(node as usize).iter().for_each(|line| prefetch(line));
        }
    }
}

/// A finished graph over slots `0..len`. Equal vectors share one node: the first slot stands for its twins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    /// Where searches begin.
    pub(super) landmarks: Vec<u32>,
    /// Where insertions begin.
    pub(super) entry: u32,
    /// See [`Graph::effort`].
    pub(super) effort: u32,
    pub(super) base: Layer,
    /// From the layer above the base upwards: insertions come down through them.
    pub(super) upper: Vec<Layer>,
    pub(super) twins: Twins,
    /// Nodes that a search for their own vector did not find: scanned in every search.
    pub(super) unreachable: Vec<u32>,
}

impl Graph {
    /// How many slots it covers.
    pub(crate) fn len(&self) -> u32 {
        self.base.len() as u32
    }

    /// About how many nodes a walk looks at for each one that it keeps: 10 to 40, as the vectors are.
    pub(crate) fn effort(&self) -> usize {
        self.effort as usize
    }

    /// Nodes that links do not lead to.
    pub(crate) fn unreachable(&self) -> &[u32] {
        &self.unreachable
    }

    /// Which slots have equal vectors.
    pub(crate) fn twins(&self) -> &Twins {
        &self.twins
    }

    /// Its form in a file: entry and effort, landmarks, unreachable, twins, layers from the base upwards; lists as `u32` count and `u32`
    /// elements.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |list: &[u32]| {
            out.put_u32(list.len() as u32);
            out.put_u32s(list);
        };
        put(&[self.entry, self.effort]);
        put(&self.landmarks);
        put(&self.unreachable);
        put(&self.twins.iter().map(|(node, _)| node).collect::<Vec<_>>());
        self.twins.iter().for_each(|(_, twins)| put(twins));
        put(&[self.upper.len() as u32]);
        for layer in std::iter::once(&self.base).chain(&self.upper) {
            put(&layer.nodes);
            put(&[layer.lines_per_node as u32]);
            put(as_words(&layer.lines));
        }
        out
    }

    /// Inverse of [`Graph::encode`], for `slots` slots. What it returns can be searched without going out of bounds.
    pub(crate) fn decode(bytes: &[u8], slots: u32) -> Result<Self, Malformed> {
        let mut fields = Fields(bytes);
        let [entry, effort] = fields.u32s()?[..] else { return Err("the graph has no entry point") };
        let landmarks = fields.u32s()?;
        let unreachable = fields.u32s()?;
        let nodes_with_twins = fields.u32s()?;
        let with_twins = |node| Ok((node, fields.u32s()?));
        let twins: Vec<_> = nodes_with_twins.into_iter().map(with_twins).collect::<Result<_, Malformed>>()?;
        let [upper_layers] = fields.u32s()?[..] else { return Err("the graph has no layer count") };
        let mut layers = (0..=upper_layers).map(|_| decode_layer(&mut fields));
        let base = layers.next().ok_or("the graph has no base layer")??;
        let upper = layers.collect::<Result<Vec<_>, Malformed>>()?;
        fields.end()?;
        if !twins.iter().flat_map(|(node, twins)| twins.iter().chain([node])).all(|slot| *slot < slots) {
            return Err(OUTSIDE);
        }
        let twins = twins.into_iter().collect();
        let graph = Self { landmarks, entry, effort, base, upper, twins, unreachable };
        graph.check(slots)?;
        Ok(graph)
    }

    fn check(&self, slots: u32) -> Result<(), Malformed> {
        let is_slot = |slot: u32| slot < slots;
        let links_are_slots =
            |layer: &Layer| as_words(&layer.lines).iter().all(|link| *link == NONE || is_slot(*link));
        let layers_are_sound = self.base.nodes.is_empty()
            && self.base.len() == slots as usize
            && links_are_slots(&self.base)
            && self.upper.iter().all(|layer| {
                !layer.nodes.is_empty()
                    && layer.nodes.len() == layer.len()
                    && layer.nodes.is_sorted()
                    && layer.nodes.iter().copied().all(is_slot)
                    && links_are_slots(layer)
            });
        let is_bounded = is_slot(self.entry)
            && !self.landmarks.is_empty()
            && self.landmarks.iter().chain(&self.unreachable).copied().all(is_slot);
        if layers_are_sound && is_bounded { Ok(()) } else { Err(OUTSIDE) }
    }
}

fn decode_layer(fields: &mut Fields<'_>) -> Result<Layer, Malformed> {
    let nodes = fields.u32s()?;
    let [lines_per_node] = fields.u32s()?[..] else { return Err("a layer of the graph has no width") };
    let words = fields.u32s()?;
    let (lines, rest) = words.as_chunks::<WORDS_PER_LINE>();
    let lines_per_node = lines_per_node as usize;
    if !rest.is_empty() || lines_per_node == 0 || !lines.len().is_multiple_of(lines_per_node) {
        return Err("a layer of the graph has links of no node");
    }
    let links = lines.chunks(lines_per_node).map(|row| row.iter().flatten().copied());
    Ok(Layer::from_lists(nodes, lines_per_node * WORDS_PER_LINE, links))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(nodes: &[u32], lists: &[&[u32]]) -> Layer {
        Layer::from_lists(nodes.to_vec(), 20, lists.iter().map(|list| list.iter().copied()))
    }

    fn sample() -> Graph {
        Graph {
            landmarks: vec![0, 3],
            entry: 2,
            effort: 17,
            base: layer(&[], &[&[1, 2], &[0], &[0, 1], &[]]),
            upper: vec![layer(&[0, 2], &[&[2], &[0]])],
            twins: [(1, vec![3])].into_iter().collect(),
            unreachable: vec![1],
        }
    }

    #[test]
    fn links_come_back_as_they_were_put() {
        let graph = sample();
        assert_eq!(graph.len(), 4);
        assert_eq!(graph.base.links_at(2).collect::<Vec<_>>(), [0, 1]);
        let mut seen = Vec::new();
        graph.upper[0].for_each(2, |link| seen.push(link));
        graph.upper[0].for_each(1, |link| seen.push(link));
        assert_eq!(seen, [0], "node 1 is not in the upper layer");
        assert_eq!((graph.twins().of(1), graph.twins().of(0)), (&[3][..], &[][..]));
        assert_eq!([0, 1, 2, 3].map(|slot| graph.twins().node_of(slot)), [0, 1, 2, 1]);
    }

    #[test]
    fn graph_round_trips() {
        let graph = sample();
        assert_eq!(Graph::decode(&graph.encode(), 4).unwrap(), graph);
    }

    #[test]
    fn graph_that_points_outside_is_refused() {
        let harm: [fn(&mut Graph); 9] = [
            |graph| graph.landmarks[1] = 4,
            |graph| graph.landmarks.clear(),
            |graph| graph.entry = 4,
            |graph| graph.unreachable = vec![9],
            |graph| graph.twins = [(1, vec![3, 4])].into_iter().collect(),
            |graph| graph.twins = [(4, vec![3])].into_iter().collect(),
            |graph| graph.base = layer(&[], &[&[4], &[0], &[0], &[]]),
            |graph| graph.base = layer(&[], &[&[0], &[0], &[0]]),
            |graph| graph.upper[0].nodes[1] = 7,
        ];
        for (i, harm) in harm.into_iter().enumerate() {
            let mut graph = sample();
            harm(&mut graph);
            assert!(Graph::decode(&graph.encode(), 4).is_err(), "harm {i}");
        }
        let bytes = sample().encode();
        for cut in 0..bytes.len() {
            assert!(Graph::decode(&bytes[..cut], 4).is_err(), "cut at {cut}");
        }
    }
}
