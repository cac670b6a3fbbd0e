//! Top-k search over the items of an index: by scan or by graph, whichever answers exactly enough and faster.

use std::borrow::Cow;
use std::collections::BinaryHeap;

use crate::bitset::Bitset;
use crate::distance::Distance;
use crate::error::Invalid;
use crate::filter::Filter;
use crate::graph::{Beam, Graph, Scored};
use crate::items::Items;
use crate::metadata::Metadata;
use crate::view::View;

/// A search for the `k` items nearest to `vector`.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// `[dimension]`, finite.
    pub vector: Vec<f32>,
    /// 1 to 10,000.
    pub k: usize,
    /// Only items whose metadata match.
    pub filter: Option<Filter>,
    /// Only these, as far as they exist.
    pub only_ids: Option<Vec<String>>,
    /// Never these, whether they exist or not.
    pub exclude_ids: Vec<String>,
    /// Compare with every item, even where there is a graph.
    pub exact: bool,
    /// The time, Unix milliseconds: what has expired by then is not returned.
    pub now_ms: u64,
    /// How many candidates a graph search keeps, 1 to 10,000: more find more and take longer. Default: the index's.
    pub ef: Option<usize>,
}

/// One result of a search.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The item's id.
    pub id: Box<str>,
    /// Its distance to the query, under the index's [`Distance`].
    pub distance: f32,
    /// The item's metadata.
    pub metadata: Metadata,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Answer {
    /// At most `k`, nearest first, equal distances by id; live, distinct, matching.
    pub hits: Vec<Hit>,
    /// The version of the index that was searched.
    pub version: u64,
}

/// An item and its rank, worst first out of a heap; equal ranks by id.
#[derive(Debug, PartialEq)]
struct Ranked<'a> {
    rank: f32,
    id: &'a str,
    slot: u32,
}

impl Eq for Ranked<'_> {}

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.total_cmp(&other.rank).then_with(|| self.id.cmp(other.id))
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The slots that a query names by ids and time, so that the search itself needs no access to either.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Only these, where a query says so.
    only: Option<Vec<u32>>,
    never: Vec<u32>,
}

impl Named {
    /// Looks up the ids of a query, and what has expired.
    pub(crate) fn in_query(query: &Query, items: &Items) -> Self {
        let slots_of = |ids: &Vec<String>| ids.iter().filter_map(|id| items.slot_of(id)).collect();
        let mut never: Vec<u32> = slots_of(&query.exclude_ids);
        never.extend(items.expired(query.now_ms));
        Self { only: query.only_ids.as_ref().map(slots_of), never }
    }
}

/// The best k seen so far.
struct TopK<'a> {
    view: &'a View,
    k: usize,
    heap: BinaryHeap<Ranked<'a>>,
}

impl<'a> TopK<'a> {
    fn new(view: &'a View, k: usize) -> Self {
        Self { view, k, heap: BinaryHeap::with_capacity(k.min(view.live()) + 1) }
    }

    #[inline]
    fn offer(&mut self, Scored { rank, slot }: Scored) {
        if self.heap.len() == self.k && self.heap.peek().is_some_and(|worst| rank > worst.rank) {
            return;
        }
        self.heap.push(Ranked { rank, id: self.view.id(slot), slot });
        if self.heap.len() > self.k {
            self.heap.pop();
        }
    }

    fn into_hits(self, distance: Distance) -> Vec<Hit> {
        let view = self.view;
        let mut hits: Vec<Hit> = (self.heap.into_iter())
            .map(|ranked| Hit {
                id: ranked.id.into(),
                distance: distance.distance_of_rank(ranked.rank),
                metadata: view.metadata(ranked.slot),
            })
            .collect();
        // By distance and not by rank: a square root may make two ranks equal.
        hits.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
        hits
    }
}

/// What a search runs over, and the settings that it obeys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Searcher<'a> {
    pub(crate) view: &'a View,
    pub(crate) graph: Option<&'a Graph>,
    pub(crate) distance: Distance,
    /// Up to so many eligible items a scan is exact and fast enough.
    pub(crate) exact_below: usize,
    pub(crate) default_ef: usize,
}

impl Searcher<'_> {
    /// `query.vector` has been admitted and `query` checked; `named` are its ids.
    pub(crate) fn search(&self, query: &Query, named: &Named) -> Vec<Hit> {
        let eligible = self.eligible(query, named);
        let mut top = TopK::new(self.view, query.k);
        let graph = self.graph.filter(|_| !query.exact && eligible.count() > self.exact_below);
        if !graph.is_some_and(|graph| self.search_graph(graph, query, &eligible, &mut top)) {
            top = TopK::new(self.view, query.k);
            self.scan(&query.vector, eligible.iter(), &mut top);
        }
        top.into_hits(self.distance)
    }

    /// The live slots that the query may return. Their number decides between scan and graph.
    fn eligible(&self, query: &Query, named: &Named) -> Cow<'_, Bitset> {
        let mut eligible = Cow::Borrowed(self.view.alive());
        if let Some(only) = &named.only {
            eligible = Cow::Owned(only.iter().copied().collect());
        }
        if let Some(filter) = &query.filter {
            let matching = eligible.iter().filter(|slot| filter.matches(&self.view.parsed_metadata(*slot)));
            eligible = Cow::Owned(matching.collect());
        }
        for slot in &named.never {
            eligible.to_mut().remove(*slot);
        }
        eligible
    }

    fn scan(&self, vector: &[f32], slots: impl Iterator<Item = u32>, top: &mut TopK<'_>) {
        for slot in slots {
            top.offer(self.score(vector, slot));
        }
    }

    fn score(&self, vector: &[f32], slot: u32) -> Scored {
        Scored { rank: self.distance.rank(vector, self.view.rows().row(slot)), slot }
    }

    /// Searches the graph, its unreachable nodes, and what was written after it. `false` if a scan must do it: the
    /// walk met too few eligible items, or so many others that a scan is cheaper.
    fn search_graph(&self, graph: &Graph, query: &Query, eligible: &Bitset, top: &mut TopK<'_>) -> bool {
        let width = query.ef.unwrap_or(self.default_ef).max(query.k);
        let found = graph.search(&Beam {
            rows: self.view.rows(),
            distance: self.distance,
            query: &query.vector,
            eligible,
            width,
            // A visit costs several times what a step of a scan costs: links and rows are read out of order.
            max_visits: (eligible.count() / VISIT_COST).max(2 * width),
        });
        let Some(mut nodes) = found else { return false };
        let seen: Bitset = nodes.iter().map(|node| node.slot).collect();
        let missed = graph.unreachable().iter().filter(|node| !seen.contains(**node));
        nodes.extend(missed.map(|node| self.score(&query.vector, *node)));
        for node in nodes {
            let twins = graph.twins(node.slot).iter().copied();
            for slot in std::iter::once(node.slot).chain(twins).filter(|slot| eligible.contains(*slot)) {
                top.offer(Scored { slot, ..node });
            }
        }
        self.scan(&query.vector, eligible.iter_from(graph.len()), top);
        top.heap.len() >= query.k.min(eligible.count())
    }
}

/// Steps of a scan that cost as much as one visit to a node.
const VISIT_COST: usize = 4;

/// Checks the numbers of a query.
pub(crate) fn check(query: &Query) -> Result<(), Invalid> {
    let bounds = 1..=wire::names::MAX_K;
    if !bounds.contains(&query.k) {
        return Err(Invalid::K { got: query.k });
    }
    match query.ef {
        Some(ef) if !bounds.contains(&ef) => Err(Invalid::Ef { got: ef }),
        _ => Ok(()),
    }
}
