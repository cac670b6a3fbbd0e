//! What is known of the indexes behind the corpora.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use client::Vectord;
use parking_lot::Mutex;
use service::{ApiError, Result};
use wire::matrix::{Corpus, CorpusList};
use wire::vectors::{Distance, IndexInfo};
use wire::{CallContext, ErrorCode};

use crate::CorpusConfig;

/// An index keeps its dimension and distance for life; only who drops it and makes another of its name changes them.
const TTL: Duration = Duration::from_secs(5);

/// Dimension and distance of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) dimension: usize,
    pub(crate) distance: Distance,
}

/// Geometries of corpora, cached for a few seconds.
pub(crate) struct Corpora {
    vectord: Vectord,
    known: Mutex<HashMap<String, (Geometry, Instant)>>,
}

impl Corpora {
    pub(crate) fn new(vectord: Vectord) -> Self {
        Self { vectord, known: Mutex::new(HashMap::new()) }
    }

    /// The geometry of `corpus`.
    ///
    /// # Errors
    /// 404 naming the corpus, 503 naming the peer.
    pub(crate) async fn geometry(&self, ctx: &CallContext, corpus: &str) -> Result<Geometry> {
        let known = self.known.lock().get(corpus).copied();
        if let Some((geometry, since)) = known
            && since.elapsed() < TTL
        {
            return Ok(geometry);
        }
        let info = self.vectord.index(ctx, corpus).await.map_err(|error| {
            if error.is(ErrorCode::NotFound) { no_such_corpus(corpus) } else { error.into() }
        })?;
        let geometry = Geometry { dimension: info.dimension, distance: info.distance };
        self.known.lock().insert(corpus.to_owned(), (geometry, Instant::now()));
        Ok(geometry)
    }

    /// Every index, and every corpus that is configured.
    pub(crate) async fn list(
        &self,
        ctx: &CallContext,
        configured: &BTreeMap<String, CorpusConfig>,
    ) -> Result<CorpusList> {
        let indexes = self.vectord.indexes(ctx).await?.indexes;
        let mut corpora: BTreeMap<&str, Corpus> =
            configured.keys().map(|name| (name.as_str(), describe(name, None, configured))).collect();
        corpora.extend(
            indexes.iter().map(|info| (info.name.as_str(), describe(&info.name, Some(info), configured))),
        );
        Ok(CorpusList { corpora: corpora.into_values().collect() })
    }
}

fn describe(name: &str, info: Option<&IndexInfo>, configured: &BTreeMap<String, CorpusConfig>) -> Corpus {
    let config = configured.get(name);
    Corpus {
        name: name.to_owned(),
        exists: info.is_some(),
        dimension: info.map(|info| info.dimension),
        count: info.map(|info| info.count as u64),
        table: config.map(|config| config.table.clone()),
        id_column: config.map(|config| config.id_column.clone()),
    }
}

/// 404 that says which corpus is missing and what to do.
pub(crate) fn no_such_corpus(corpus: &str) -> ApiError {
    ApiError::not_found(format!("no corpus {corpus:?}; `GET /v1/matrix/corpora` lists those that exist"))
}
