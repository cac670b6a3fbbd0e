//! Top-k search over the items of an index: by scan or by graph, whichever answers exactly enough and faster.

mod sieve;
mod top_k;

use std::io;

use crate::bitset::Bitset;
use crate::codes::{Codes, Probe, SCAN_FROM_DIMENSION};
use crate::collection::Version;
use crate::distance::Distance;
use crate::error::Invalid;
use crate::filter::Filter;
use crate::graph::{Graph, Ranking, Scored, Twins};
use crate::items::Items;
use crate::metadata::Metadata;
use crate::rows::Rows;
use crate::segment::RowBuffer;
use crate::view::View;
use sieve::{BATCH, Sieve};
use top_k::TopK;

/// A search for the `k` items nearest to `vector`.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// `[dimension]`, finite.
    pub vector: Vec<f32>,
    /// 1 to 10,000.
    pub k: usize,
    /// Only items that are not farther than this.
    pub max_distance: Option<f32>,
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
    /// When it expires, Unix milliseconds.
    pub expires_ms: Option<u64>,
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Answer {
    /// At most `k`, nearest first, equal distances by id; live, distinct, matching.
    pub hits: Vec<Hit>,
    /// Whether every eligible item was compared with the query; otherwise a graph led to the nearest.
    pub is_exact: bool,
    /// What the distances are.
    pub distance: Distance,
    /// The state of the index that was searched.
    pub version: Version,
}

/// The slots that a query may return; `None`: all that live. Ids, filters and time are looked up here, so that the
/// search itself needs no lock.
pub(crate) fn eligible(query: &Query, items: &Items) -> Option<Bitset> {
    let Query { filter, only_ids, exclude_ids, .. } = query;
    let mut expired = items.expired(query.now_ms).peekable();
    if filter.is_none() && only_ids.is_none() && exclude_ids.is_empty() && expired.peek().is_none() {
        return None;
    }
    let slot_of = |id: &String| items.slot_of(id);
    let mut eligible = match only_ids {
        Some(ids) => ids.iter().filter_map(slot_of).collect(),
        None => items.view().alive().clone(),
    };
    if let Some(filter) = filter {
        items.retain_matching(filter, &mut eligible);
    }
    for slot in exclude_ids.iter().filter_map(slot_of).chain(expired) {
        eligible.remove(slot);
    }
    Some(eligible)
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
    /// What is nearest, and whether a scan found it. `query.vector` has been admitted and `query` checked; `eligible` is
    /// what [`eligible`] said of it.
    ///
    /// # Errors
    /// Those of reading a vector.
    pub(crate) fn search(&self, query: &Query, eligible: Option<&Bitset>) -> io::Result<(Vec<Hit>, bool)> {
        let eligible = eligible.unwrap_or(self.view.alive());
        let new_top = || TopK::new(self.view, query.k, self.distance, query.max_distance);
        let mut top = new_top();
        let graph = self.graph.filter(|_| !query.exact && eligible.count() > self.exact_below);
        let is_exact = match graph {
            Some(graph) => !self.search_graph(graph, query, eligible, &mut top)?,
            None => true,
        };
        if is_exact {
            top = new_top();
            self.scan(&mut self.scorer(query), eligible.iter(), &mut top)?;
        }
        Ok((top.into_hits(), is_exact))
    }

    /// Offers all of `slots` whose distance could be among the smallest; the others are told apart by their codes.
    fn scan(
        &self,
        scorer: &mut Scorer<'_>,
        mut slots: impl Iterator<Item = u32>,
        top: &mut TopK<'_>,
    ) -> io::Result<()> {
        if scorer.vector.len() < SCAN_FROM_DIMENSION {
            return slots.try_for_each(|slot| scorer.score(slot).map(|scored| top.offer(scored)));
        }
        let codes = self.view.codes();
        let mut sieve = Sieve::new(codes.fine_probe(scorer.vector, self.distance), top.k(), top.bound());
        let mut batch = Vec::with_capacity(BATCH);
        let mut slots = slots.peekable();
        while slots.peek().is_some() {
            batch.clear();
            batch.extend(slots.by_ref().take(BATCH));
            sieve.sift(codes, &batch);
        }
        for Scored { rank: lower, slot } in sieve.left() {
            if lower > top.bound() {
                break;
            }
            top.offer(scorer.score(slot)?);
        }
        Ok(())
    }

    fn scorer<'a>(&'a self, query: &'a Query) -> Scorer<'a> {
        let (vector, rows) = (&query.vector, self.view.rows());
        let twins = self.graph.map(Graph::twins);
        Scorer { vector, rows, twins, distance: self.distance, last: None, buffer: RowBuffer::default() }
    }

    /// Searches the graph, its unreachable nodes, and what was written after it. `false` if a scan must do it: the
    /// walk met too few eligible items, or so many others that a scan is cheaper.
    fn search_graph(
        &self,
        graph: &Graph,
        query: &Query,
        eligible: &Bitset,
        top: &mut TopK<'_>,
    ) -> io::Result<bool> {
        let codes = self.view.codes();
        let to_query = ToQuery { codes, probe: codes.probe(&query.vector, self.distance) };
        let Some(nodes) = self.walk(graph, &to_query, query, eligible) else { return Ok(false) };
        let mut scorer = self.scorer(query);
        let (mut bound, mut skipped) = (top.bound(), 0);
        let mut offer = |node: u32| {
            let exact = scorer.score(node)?;
            let twins = graph.twins().of(node).iter().copied();
            for slot in std::iter::once(node).chain(twins).filter(|slot| eligible.contains(*slot)) {
                top.offer(Scored { slot, ..exact });
            }
            io::Result::Ok(top.bound())
        };
        for (place, node) in nodes.iter().enumerate() {
            if node.rank - codes.doubt(&to_query.probe, node.slot) > bound {
                skipped = nodes[place..].iter().filter(|node| eligible.contains(node.slot)).count();
                break;
            }
            bound = offer(node.slot)?;
        }
        for node in graph.unreachable().iter().filter(|node| !nodes.iter().any(|seen| seen.slot == **node)) {
            offer(*node)?;
        }
        self.scan(&mut scorer, eligible.iter_from(graph.len()), top)?;
        // What is too far has been found all the same.
        Ok(top.offered() + skipped >= query.k.min(eligible.count()))
    }

    /// The nodes worth looking at, nearest first as far as codes tell; `None` if a scan is cheaper.
    fn walk(
        &self,
        graph: &Graph,
        ranking: &impl Ranking,
        query: &Query,
        eligible: &Bitset,
    ) -> Option<Vec<Scored>> {
        let width = query.ef.unwrap_or(self.default_ef).max(query.k);
        let covered = eligible.count_below(graph.len());
        let others = graph.len() as usize - covered;
        Some(if others * 4 <= covered && query.exclude_ids.len() <= FEW_EXCLUDED {
            // Those that may not be returned take places among the nearest, the excluded perhaps the first of all.
            graph.nearest(ranking, width + width * others / covered.max(1) + query.exclude_ids.len())
        } else {
            // To keep as many that are wanted, a walk must come by so many more that are not.
            let expected_visits = graph.effort() * width * graph.len() as usize / covered.max(1);
            let max_visits = eligible.count() / VISIT_COST;
            if expected_visits > max_visits {
                return None;
            }
            let mut nodes = graph.nearest_wanted(ranking, width, eligible, max_visits)?;
            nodes.sort_unstable();
            nodes
        })
    }
}

/// So many excluded items are walked over in the plain walk, which is faster than the one that tells items apart.
const FEW_EXCLUDED: usize = 32;

/// Compares whole vectors with that of a query.
struct Scorer<'a> {
    vector: &'a [f32],
    rows: &'a Rows,
    twins: Option<&'a Twins>,
    distance: Distance,
    /// Of the vector that was compared last, its node and its rank. Equal vectors have equal codes, so a scan comes to them one
    /// after the other.
    last: Option<(u32, f32)>,
    buffer: RowBuffer,
}

impl Scorer<'_> {
    #[inline]
    fn score(&mut self, slot: u32) -> io::Result<Scored> {
        let node = self.twins.map_or(slot, |twins| twins.node_of(slot));
        let rank = match self.last {
            Some((last, rank)) if last == node => rank,
            _ => self.distance.rank(self.vector, self.rows.row(slot, &mut self.buffer)?),
        };
        self.last = Some((node, rank));
        Ok(Scored { rank, slot })
    }
}

/// How near slots are to a query, by their codes.
struct ToQuery<'a> {
    codes: &'a Codes,
    probe: Probe,
}

impl Ranking for ToQuery<'_> {
    #[inline]
    fn ranks(&self, slots: &[u32], out: &mut Vec<f32>) {
        self.codes.ranks(&self.probe, slots, out);
    }
}

/// Steps of a scan that cost as much as one visit to a node, whose links and code are read out of order.
const VISIT_COST: usize = 2;

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
