//! Texts to vectors, through embedd and a small cache.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::Embedd;
use lru::LruCache;
use parking_lot::Mutex;
use wire::CallContext;
use wire::embed::{EmbedRequest, TextKind, VectorEncoding};

use crate::Config;

/// The most texts that embedd is asked for at once.
pub(crate) const BATCH: usize = 64;

/// A query as embedd sees it, ready to travel on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueryVector {
    /// Base64 of little-endian f32, of unit norm.
    pub(crate) packed: String,
    pub(crate) dimension: usize,
    pub(crate) model: String,
}

struct Cached {
    vector: Arc<QueryVector>,
    since: Instant,
}

/// Vectors of queries: those of late from memory, others from embedd.
pub(crate) struct QueryVectors {
    embedd: Embedd,
    cache: Mutex<LruCache<String, Cached>>,
    ttl: Duration,
}

impl QueryVectors {
    pub(crate) fn new(embedd: Embedd, config: &Config) -> Self {
        let capacity = NonZeroUsize::new(config.cached_queries).unwrap_or(NonZeroUsize::MIN);
        let ttl = Duration::from_secs(config.cached_query_ttl_s);
        Self { embedd, cache: Mutex::new(LruCache::new(capacity)), ttl }
    }

    /// The vector of `text`, and whether it was cached.
    pub(crate) async fn get(
        &self,
        ctx: &CallContext,
        text: &str,
    ) -> client::Result<(Arc<QueryVector>, bool)> {
        if let Some(vector) = self.cached(text) {
            metrics::counter!("matrixd_query_vectors_total", "from" => "cache").increment(1);
            return Ok((vector, true));
        }
        Ok((self.renew(ctx, text).await?, false))
    }

    /// The vector of `text` as embedd sees it now; it takes the place of a cached one.
    pub(crate) async fn renew(&self, ctx: &CallContext, text: &str) -> client::Result<Arc<QueryVector>> {
        metrics::counter!("matrixd_query_vectors_total", "from" => "embedd").increment(1);
        let mut vectors = self.embed(ctx, vec![text.to_owned()]).await?;
        let Some(vector) = vectors.pop() else { return Err(malformed(0, 1)) };
        let vector = Arc::new(vector);
        let entry = Cached { vector: Arc::clone(&vector), since: Instant::now() };
        self.cache.lock().put(text.to_owned(), entry);
        Ok(vector)
    }

    /// One vector for each of `texts`, in order, past the cache.
    pub(crate) async fn embed(
        &self,
        ctx: &CallContext,
        texts: Vec<String>,
    ) -> client::Result<Vec<QueryVector>> {
        let expected = texts.len();
        let request = EmbedRequest {
            texts,
            model: None,
            kind: Some(TextKind::Query),
            encoding: VectorEncoding::Base64,
        };
        let answer = self.embedd.embed(ctx, &request).await?;
        if answer.vectors_b64.len() != expected {
            return Err(malformed(answer.vectors_b64.len(), expected));
        }
        let (dimension, model) = (answer.dimension, answer.model);
        let vector = |packed| QueryVector { packed, dimension, model: model.clone() };
        Ok(answer.vectors_b64.into_iter().map(vector).collect())
    }

    fn cached(&self, text: &str) -> Option<Arc<QueryVector>> {
        let mut cache = self.cache.lock();
        let entry = cache.get(text)?;
        if entry.since.elapsed() < self.ttl {
            return Some(Arc::clone(&entry.vector));
        }
        cache.pop(text);
        None
    }
}

fn malformed(got: usize, expected: usize) -> client::Error {
    let detail = format!("{got} packed vectors for {expected} texts");
    client::Error::Malformed { peer: wire::DaemonName::Embedd, detail }
}
