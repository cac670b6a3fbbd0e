//! `[vectord]`.

use serde::{Deserialize, Serialize};
use vector_index::Settings;

/// `[vectord]`: how much is searched at once, and how indexes are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Long searches (about a millisecond and more) that compute at once; others wait. 0: as many as there are cores.
    pub search_threads: usize,
    /// `[vectord.index]`: the cut-over from scan to graph, the graph, the log.
    pub index: Settings,
}

impl Config {
    pub(crate) fn search_permits(&self) -> usize {
        match self.search_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}
