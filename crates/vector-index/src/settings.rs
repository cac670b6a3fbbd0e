//! What an operator may choose.

use serde::{Deserialize, Serialize};

/// What links the nodes of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphBuilder {
    /// The builder of this crate.
    #[default]
    Own,
    /// The crate `hnsw_rs`.
    HnswRs,
}

/// How indexes are kept and searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Up to so many live items every search is an exact scan and no graph is built.
    pub exact_below: usize,
    /// What builds the graph.
    pub graph_builder: GraphBuilder,
    /// Links per node of the graph (`M`); twice as many in its base layer. 2 to 128.
    pub graph_links: usize,
    /// Candidates considered per insertion (`ef_construction`); raised to more than `2 * graph_links`.
    pub graph_breadth: usize,
    /// Candidates kept per graph search (`ef`) where the request names none.
    pub search_breadth: usize,
    /// Threads that build one graph; one graph is built at a time.
    pub build_threads: usize,
    /// Log size, bytes, at which an index is written anew as a segment file.
    pub max_wal_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            exact_below: 4096,
            graph_builder: GraphBuilder::default(),
            graph_links: 16,
            graph_breadth: 200,
            search_breadth: 64,
            build_threads: std::thread::available_parallelism().map_or(1, usize::from),
            max_wal_bytes: 64 << 20,
        }
    }
}

impl Settings {
    /// Says which setting is out of bounds, if one is.
    ///
    /// # Errors
    /// A sentence that names the setting and its bounds.
    pub fn check(&self) -> Result<(), String> {
        let bounds = [
            ("graph_links", self.graph_links, 2, 128),
            ("graph_breadth", self.graph_breadth, 1, 10_000),
            ("search_breadth", self.search_breadth, 1, wire::names::MAX_K),
            ("build_threads", self.build_threads, 1, 256),
        ];
        match bounds.into_iter().find(|(_, value, min, max)| value < min || value > max) {
            Some((name, value, min, max)) => Err(format!("{name} must be {min} to {max}, not {value}")),
            None => Ok(()),
        }
    }
}
