//! What is known of the indexes behind the corpora, and items by their ids.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use client::Vectord;
use parking_lot::Mutex;
use service::{ApiError, Result};
use wire::matrix::{Corpus, CorpusList};
use wire::names::{MAX_K, check_id};
use wire::packed::pack;
use wire::vectors::{IndexInfo, Search, SearchHit};
use wire::{CallContext, ErrorCode};

use crate::CorpusConfig;

/// An index keeps its dimension for life; only who drops it and makes another of its name changes it.
const TTL: Duration = Duration::from_secs(5);

/// Dimensions of corpora, cached for a few seconds.
pub(crate) struct Corpora {
    vectord: Vectord,
    dimensions: Mutex<HashMap<String, (usize, Instant)>>,
}

impl Corpora {
    pub(crate) fn new(vectord: Vectord) -> Self {
        Self { vectord, dimensions: Mutex::new(HashMap::new()) }
    }

    /// Those of `ids` that are live items of `corpus`, with their metadata; their distances say nothing.
    ///
    /// # Errors
    /// 400 for ids that cannot be, 404 naming a corpus that is not there, 503 naming the peer.
    pub(crate) async fn items(
        &self,
        ctx: &CallContext,
        corpus: &str,
        ids: BTreeSet<String>,
    ) -> Result<Vec<SearchHit>> {
        ids.iter().try_for_each(|id| check_id(id)).map_err(ApiError::invalid)?;
        if ids.len() > MAX_K {
            return Err(ApiError::invalid(format!("{} ids: at most {MAX_K} at once", ids.len())));
        }
        let dimension = self.dimension(ctx, corpus).await?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        match self.search_among(ctx, corpus, &ids, dimension).await {
            // Another index of this name may have been made since.
            Err(error) if error.is(ErrorCode::InvalidArgument) => {
                self.dimensions.lock().remove(corpus);
                let dimension = self.dimension(ctx, corpus).await?;
                Ok(self.search_among(ctx, corpus, &ids, dimension).await?)
            }
            other => Ok(other?),
        }
    }

    /// One search restricted to `ids` reads all their metadata at once, and no vector but theirs.
    async fn search_among(
        &self,
        ctx: &CallContext,
        corpus: &str,
        ids: &BTreeSet<String>,
        dimension: usize,
    ) -> client::Result<Vec<SearchHit>> {
        let mut any = vec![0.0; dimension];
        any[0] = 1.0;
        let search = Search {
            vector_b64: Some(pack(&any)),
            k: ids.len(),
            ids: Some(ids.iter().cloned().collect()),
            ..Search::default()
        };
        Ok(self.vectord.search(ctx, corpus, &search).await?.results)
    }

    async fn dimension(&self, ctx: &CallContext, corpus: &str) -> Result<usize> {
        let known = self.dimensions.lock().get(corpus).copied();
        if let Some((dimension, since)) = known
            && since.elapsed() < TTL
        {
            return Ok(dimension);
        }
        let info = self.vectord.index(ctx, corpus).await.map_err(|error| {
            if error.is(ErrorCode::NotFound) { no_such_corpus(corpus) } else { error.into() }
        })?;
        self.dimensions.lock().insert(corpus.to_owned(), (info.dimension, Instant::now()));
        Ok(info.dimension)
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
