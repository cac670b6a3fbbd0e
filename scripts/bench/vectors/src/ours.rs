//! Our engine, in process, as the measurements use it: one index whose ids are row numbers.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use vector_index::{Answer, Collection, Distance, Item, Metadata, Settings, Store};

use crate::data::Matrix;
use crate::worker::Graph;
use bench_kit::took::{StopWatch, Took};

const INDEX: &str = "bench";
/// How often a build in the background is looked at: nothing beside the seconds that it takes.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// A store with one index.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) index: Arc<Collection>,
    /// Last: it waits for its threads when it is dropped.
    _store: Store,
}

impl Ours {
    /// A new index in `folder`.
    pub(crate) fn create(folder: &Path, dimension: usize, graph: Graph) -> anyhow::Result<Self> {
        let settings = Settings {
            graph_links: graph.links,
            graph_breadth: graph.breadth,
            build_threads: graph.threads,
            // Everything is written at once: the log alone is no reason to build twice.
            max_wal_bytes: u64::MAX,
            ..Settings::default()
        };
        let store = Store::open(folder, settings)?;
        store.create(INDEX, dimension, Distance::Cosine)?;
        Ok(Self { index: store.get(INDEX)?, _store: store })
    }

    /// The index in `folder`.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let store = Store::open(folder, Settings::default())?;
        Ok(Self { index: store.get(INDEX)?, _store: store })
    }

    /// Stores all rows durably, as one change; returns how long that took. Indexing begins behind it.
    pub(crate) fn load(&self, base: &Matrix, metadata: impl Fn(u32) -> Metadata) -> anyhow::Result<Took> {
        let item = |(row, vector): (usize, &[f32])| Item {
            id: row.to_string(),
            vector: vector.to_vec(),
            metadata: metadata(row as u32),
            expires_ms: None,
        };
        let items = base.rows().enumerate().map(item).collect();
        let watch = StopWatch::start();
        self.index.add(items)?;
        Ok(watch.took())
    }

    /// Waits until every item is in the graph, and sees to it where nothing in the background does; returns how long that
    /// took.
    pub(crate) fn finish_indexing(&self) -> anyhow::Result<Took> {
        let watch = StopWatch::start();
        loop {
            let info = self.index.info();
            if info.is_sealing {
                thread::sleep(POLL_INTERVAL);
            } else if info.indexed < info.count {
                self.index.seal()?;
            } else {
                return Ok(watch.took());
            }
        }
    }

    /// The rows that an answer names, nearest first.
    pub(crate) fn rows(answer: &Answer) -> anyhow::Result<Vec<u32>> {
        let row = |id: &str| id.parse().with_context(|| format!("{id:?} is no row"));
        answer.hits.iter().map(|hit| row(&hit.id)).collect()
    }
}
