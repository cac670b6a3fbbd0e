//! Engines as processes of their own, all driven in the same way, so that each is timed and weighed as the others are: a
//! JSON request a line on standard input, a JSON reply a line on standard output. Ours is this program's `worker`
//! command ([`serve`]), the peers are Python libraries behind `peers/worker.py`.

mod process;
pub(crate) mod serve;

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub(crate) use process::{Worker, start_installed};

/// An index that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Engine {
    /// The crate `vector-index`.
    Ours,
    /// The yardstick.
    Hnswlib,
    /// f32, for comparison.
    Usearch,
    /// `IndexHNSWFlat`.
    Faiss,
}

impl Engine {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Hnswlib => "hnswlib",
            Self::Usearch => "usearch",
            Self::Faiss => "faiss",
        }
    }
}

/// How a graph is built, by every engine.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Graph {
    /// `M`: links per node; twice as many in the base layer.
    pub(crate) links: usize,
    /// `ef_construction`.
    pub(crate) breadth: usize,
    pub(crate) threads: usize,
}

impl Graph {
    /// As the peers are compared.
    pub(crate) const PEERS: Self = Self { links: 16, breadth: 200, threads: 1 };
}

/// What a worker can be asked for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// The engine's version.
    Hello,
    /// Read at most so many vectors and queries; they are normalised.
    Load { base: PathBuf, queries: PathBuf, rows: usize, query_rows: usize },
    /// Build an index of the vectors; ours also writes it into `folder`.
    Build {
        folder: PathBuf,
        #[serde(flatten)]
        graph: Graph,
    },
    /// Answer `count` queries from the `first` on, one after the other on one thread; the ids go back only if asked for.
    Search { k: usize, ef: usize, first: usize, count: usize, ids: bool },
    /// Write the index into `folder`, where that has not been done.
    Save { folder: PathBuf },
    /// Open the index in `folder`.
    Open { folder: PathBuf },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_look_as_the_python_workers_expect_them() {
        let graph = Graph { links: 16, breadth: 200, threads: 2 };
        let build = Request::Build { folder: "f".into(), graph };
        assert_eq!(
            serde_json::to_value(build).unwrap(),
            serde_json::json!({"do": "build", "folder": "f", "links": 16, "breadth": 200, "threads": 2})
        );
    }
}
