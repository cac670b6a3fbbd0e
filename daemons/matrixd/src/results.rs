//! Whole answers of searches, served again only while nothing that they were made of has changed.
//!
//! An answer depends on the request, on the query's vector, on settings that stay while the process runs, and on the
//! state of every index that was searched. Request and vector are the key. For the state, vectord is asked: one call,
//! begun after the request came in, tells the versions of all those indexes, so what was acknowledged before the request
//! is in the answer. Where vectord gives its word ([`crate::leases`]), the next requests need no call. What vectord cannot
//! know by versions is time: no answer outlives the first expiry among the items that it was made of.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;
use service::{ApiError, Result};
use sha2::{Digest, Sha256};
use wire::matrix::{CacheOutcome, Explain, Hit, ResultCacheHop, SearchRequest, SearchResponse};
use wire::vectors::{BatchAnswer, IndexVersion};
use wire::{CallContext, ErrorCode};

use crate::ResultCacheConfig;
use crate::matrix::Matrix;
use crate::search::{Query, ms};

/// What an entry takes besides its texts: the nodes of the map and of the list, the hops of its `explain`.
const ENTRY_BYTES: usize = 1024;

/// All that an answer depends on and that is known before anybody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// The key of `request` with the vector `packed`. Of the request everything counts but what does not change the
    /// results. The text stands in its vector: another model makes another key.
    pub(crate) fn of(request: &SearchRequest, packed: &str) -> serde_json::Result<Self> {
        let mut exclude_ids = request.exclude_ids.clone();
        exclude_ids.sort_unstable();
        exclude_ids.dedup();
        let asked = SearchRequest {
            query_text: None,
            query_vector: None,
            corpora: request.corpora.clone(),
            k: request.k,
            filter: request.filter.clone(),
            exclude_ids,
            role: request.role.clone(),
            use_playbook: request.use_playbook,
            explain: false,
            use_result_cache: true,
        };
        let mut digest = Sha256::new();
        digest.update(packed.len().to_le_bytes());
        digest.update(packed);
        digest.update(serde_json::to_vec(&asked)?);
        Ok(Self(digest.finalize().into()))
    }
}

/// The state of an index; without an incarnation there was none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    incarnation: Option<String>,
    version: u64,
}

/// What an answer was made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    indexes: BTreeMap<String, State>,
    /// When the first of the items expires that were looked at.
    expires: Option<Instant>,
    /// An index failed, or changed between two looks at it.
    is_unsettled: bool,
}

impl Sources {
    /// Notes what `index` answered to a call that began at `asked`.
    pub(crate) fn note(&mut self, index: String, answer: &BatchAnswer, asked: Instant) {
        let state = match (&answer.searched, &answer.error) {
            (Some(searched), None) => {
                State { incarnation: Some(searched.incarnation.clone()), version: answer.version }
            }
            (None, Some(problem)) if problem.code == ErrorCode::NotFound => {
                State { incarnation: None, version: 0 }
            }
            _ => {
                self.is_unsettled = true;
                return;
            }
        };
        // Counted from before the call: rather too early than too late.
        let expires = answer.searched.as_ref().and_then(|searched| searched.expires_in_ms);
        let expires = expires.and_then(|ms| asked.checked_add(Duration::from_millis(ms)));
        self.expires = self.expires.into_iter().chain(expires).min();
        if let Some(earlier) = self.indexes.insert(index, state.clone()) {
            self.is_unsettled |= earlier != state;
        }
    }

    /// The indexes, in the order in which [`is_current`](Self::is_current) expects their versions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.indexes.keys().map(String::as_str)
    }

    /// Whether `versions` are those that the answer was made of.
    pub(crate) fn is_current(&self, versions: &[IndexVersion]) -> bool {
        versions.len() == self.indexes.len()
            && self.indexes.iter().zip(versions).all(|((name, state), now)| {
                *name == now.index
                    && now.error.is_none()
                    && (&state.incarnation, state.version) == (&now.incarnation, now.version)
            })
    }
}

/// An answer, as it was given, and what it was made of.
#[derive(Debug)]
pub(crate) struct Cached {
    answer: SearchResponse,
    explain: Explain,
    sources: Sources,
    until: Instant,
    bytes: usize,
}

struct Entries {
    by_key: LruCache<Key, Arc<Cached>>,
    bytes: usize,
}

/// Answers of late, bounded by number and bytes.
pub(crate) struct ResultCache {
    /// `None`: the cache is turned off.
    entries: Option<Mutex<Entries>>,
    max_bytes: usize,
    ttl: Duration,
}

impl ResultCache {
    pub(crate) fn new(config: &ResultCacheConfig) -> Self {
        let entries = NonZeroUsize::new(config.max_entries)
            .map(|capacity| Mutex::new(Entries { by_key: LruCache::new(capacity), bytes: 0 }));
        Self { entries, max_bytes: config.max_bytes, ttl: Duration::from_secs(config.ttl_s) }
    }

    /// The answer under `key`, which is yet to be checked, unless its time is over.
    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Cached>> {
        let mut entries = self.entries.as_ref()?.lock();
        let cached = Arc::clone(entries.by_key.get(key)?);
        if Instant::now() < cached.until {
            return Some(cached);
        }
        entries.remove(key);
        None
    }

    /// Keeps an answer, if it can be told when it is out of date.
    pub(crate) fn put(&self, key: Key, answer: SearchResponse, explain: Explain, sources: Sources) {
        let Some(entries) = &self.entries else { return };
        let bytes = size_of_answer(&answer) + ENTRY_BYTES;
        if sources.is_unsettled || bytes > self.max_bytes {
            return;
        }
        let Some(ttl_ends) = Instant::now().checked_add(self.ttl) else { return };
        let until = sources.expires.map_or(ttl_ends, |expires| expires.min(ttl_ends));
        let cached = Arc::new(Cached { answer, explain, sources, until, bytes });
        let mut entries = entries.lock();
        entries.bytes += bytes;
        // What the key had before, or what was used least recently where the cache is full.
        if let Some((_, gone)) = entries.by_key.push(key, cached) {
            entries.bytes -= gone.bytes;
        }
        while entries.bytes > self.max_bytes
            && let Some((_, gone)) = entries.by_key.pop_lru()
        {
            entries.bytes -= gone.bytes;
        }
        metrics::gauge!("matrixd_result_cache_bytes").set(entries.bytes as f64);
    }
}

impl Entries {
    fn remove(&mut self, key: &Key) {
        if let Some(gone) = self.by_key.pop(key) {
            self.bytes -= gone.bytes;
        }
        metrics::gauge!("matrixd_result_cache_bytes").set(self.bytes as f64);
    }
}

impl Matrix {
    /// Answers with what was answered before, if the request allows it and nothing has changed since.
    pub(crate) async fn search_through_cache(
        &self,
        ctx: &CallContext,
        request: &SearchRequest,
        query: &Query,
    ) -> Result<SearchResponse> {
        if !request.use_result_cache {
            let answer = self.search_anew(ctx, request, query).await?;
            return Ok(SearchResponse { explain: answer.explain.filter(|_| request.explain), ..answer });
        }
        let key = Key::of(request, &query.packed).map_err(ApiError::internal)?;
        let checking = Instant::now();
        let cached = self.results.get(&key);
        let mut cache = ResultCacheHop { outcome: CacheOutcome::Miss, check_ms: 0.0, leased: false };
        if let Some(cached) = &cached {
            let leased = self.leases.versions(cached.sources.names(), checking);
            cache.leased = leased.is_some();
            let is_current = match leased {
                Some(versions) => cached.sources.is_current(&versions),
                None => self.is_current(ctx, &cached.sources).await,
            };
            cache.outcome = if is_current { CacheOutcome::Hit } else { CacheOutcome::Stale };
            cache.check_ms = ms(checking);
        }
        count(cache.outcome);
        let (answer, explain) = match cached.filter(|_| cache.outcome == CacheOutcome::Hit) {
            Some(cached) => {
                let explain = || Explain { embed: query.hop.clone(), ..at_no_cost(cached.explain.clone()) };
                (cached.answer.clone(), request.explain.then(explain))
            }
            None => {
                let mut answer = self.search_anew(ctx, request, query).await?;
                let explain = answer.explain.take().unwrap_or_default();
                let sources = std::mem::take(&mut *query.sources.lock());
                self.results.put(key, answer.clone(), explain.clone(), sources);
                (answer, request.explain.then_some(explain))
            }
        };
        let explain = explain.map(|explain| Explain { result_cache: Some(cache), ..explain });
        Ok(SearchResponse { explain, ..answer })
    }

    /// Whether vectord says that nothing has changed. If it cannot say, the search will tell why.
    async fn is_current(&self, ctx: &CallContext, sources: &Sources) -> bool {
        let asked = Instant::now();
        match self.vectord.versions(ctx, sources.names().map(str::to_owned).collect()).await {
            Ok(versions) => {
                let is_current = sources.is_current(&versions);
                self.leases.keep(versions, asked);
                is_current
            }
            Err(error) => {
                tracing::debug!(%error, "ask for versions of indexes");
                false
            }
        }
    }
}

fn count(outcome: CacheOutcome) {
    let outcome = match outcome {
        CacheOutcome::Hit => "hit",
        CacheOutcome::Miss => "miss",
        CacheOutcome::Stale => "stale",
    };
    metrics::counter!("matrixd_result_cache_total", "outcome" => outcome).increment(1);
}

fn size_of_answer(answer: &SearchResponse) -> usize {
    let hit = |hit: &Hit| size_of::<Hit>() + hit.id.len() + hit.corpus.len() + hit.metadata.as_str().len();
    answer.results.iter().map(hit).sum()
}

/// The hops of an answer that is given again: what they found, at no cost.
pub(crate) fn at_no_cost(mut explain: Explain) -> Explain {
    explain.cached = true;
    explain.retrieval.took_ms = 0.0;
    for index in explain.retrieval.indexes.iter_mut().chain(&mut explain.retrieval.memory) {
        index.took_ms = 0.0;
    }
    if let Some(playbook) = &mut explain.playbook {
        playbook.took_ms = 0.0;
    }
    explain.merge_ms = 0.0;
    explain
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};
    use wire::Problem;
    use wire::vectors::{Distance, Searched};

    use super::*;

    fn answer(incarnation: &str, version: u64) -> BatchAnswer {
        let searched = Searched {
            incarnation: incarnation.into(),
            distance: Distance::Cosine,
            expires_in_ms: None,
            exact: true,
            collapsed: 0,
            took_ms: 0.1,
        };
        BatchAnswer { version, searched: Some(searched), ..BatchAnswer::default() }
    }

    fn failed(code: ErrorCode) -> BatchAnswer {
        BatchAnswer { error: Some(Problem::new(code, "why", "r")), ..BatchAnswer::default() }
    }

    fn sources(answers: &[(&str, BatchAnswer)]) -> Sources {
        let mut sources = Sources::default();
        answers.iter().for_each(|(index, answer)| sources.note((*index).into(), answer, Instant::now()));
        sources
    }

    fn now(index: &str, incarnation: Option<&str>, version: u64) -> IndexVersion {
        let incarnation = incarnation.map(str::to_owned);
        IndexVersion { index: index.into(), incarnation, version, ..IndexVersion::default() }
    }

    fn response(text: &str) -> SearchResponse {
        let metadata = Map::from_iter([("text".to_owned(), json!(text))]).into();
        let hit = Hit {
            id: "a".into(),
            corpus: "w".into(),
            distance: 0.5,
            base_distance: 0.5,
            boosted: false,
            injected: false,
            metadata,
        };
        SearchResponse { results: vec![hit], boosted: 0, injected: 0, took_ms: 1.0, explain: None }
    }

    fn cache(max_entries: usize, max_bytes: usize, ttl_s: u64) -> ResultCache {
        ResultCache::new(&ResultCacheConfig { max_entries, max_bytes, ttl_s })
    }

    fn key(n: u8) -> Key {
        Key([n; 32])
    }

    #[test]
    fn answer_is_current_only_while_every_index_is_the_one_it_was() {
        let made = sources(&[("w", answer("i1", 7)), ("memory", failed(ErrorCode::NotFound))]);
        assert_eq!(made.names().collect::<Vec<_>>(), ["memory", "w"]);
        assert!(made.is_current(&[now("memory", None, 0), now("w", Some("i1"), 7)]));
        for (what, memory, w) in [
            ("a write", now("memory", None, 0), now("w", Some("i1"), 8)),
            ("a drop and the same number of writes", now("memory", None, 0), now("w", Some("i2"), 7)),
            ("a drop", now("memory", None, 0), now("w", None, 0)),
            ("a first recording", now("memory", Some("i3"), 1), now("w", Some("i1"), 7)),
            ("an empty memory", now("memory", Some("i3"), 0), now("w", Some("i1"), 7)),
        ] {
            assert!(!made.is_current(&[memory, w]), "{what}");
        }
        let broken = IndexVersion { error: failed(ErrorCode::DataCorrupt).error, ..now("memory", None, 0) };
        assert!(!made.is_current(&[broken, now("w", Some("i1"), 7)]));
        assert!(!made.is_current(&[now("w", Some("i1"), 7)]));
    }

    #[test]
    fn answer_that_no_version_stands_for_is_not_kept() {
        let cache = cache(9, 1 << 20, 60);
        let torn = sources(&[("w", answer("i1", 7)), ("w", answer("i1", 8))]);
        let failing = sources(&[("w", answer("i1", 7)), ("memory", failed(ErrorCode::DataCorrupt))]);
        for (n, unsettled) in [(0, torn), (1, failing), (2, sources(&[("w", BatchAnswer::default())]))] {
            cache.put(key(n), response(""), Explain::default(), unsettled);
            assert!(cache.get(&key(n)).is_none(), "{n}");
        }
        cache.put(
            key(3),
            response(""),
            Explain::default(),
            sources(&[("w", answer("i1", 7)), ("w", answer("i1", 7))]),
        );
        assert!(cache.get(&key(3)).is_some());
    }

    #[test]
    fn answer_does_not_outlive_its_items_nor_its_time() {
        let mut expiring = answer("i1", 7);
        if let Some(searched) = &mut expiring.searched {
            searched.expires_in_ms = Some(0);
        }
        let by_items = cache(9, 1 << 20, 60);
        by_items.put(
            key(0),
            response(""),
            Explain::default(),
            sources(&[("w", answer("i1", 7)), ("v", expiring)]),
        );
        assert!(by_items.get(&key(0)).is_none());
        let by_time = cache(9, 1 << 20, 0);
        by_time.put(key(0), response(""), Explain::default(), sources(&[("w", answer("i1", 7))]));
        assert!(by_time.get(&key(0)).is_none());
        assert_eq!(by_time.entries.as_ref().map(|entries| entries.lock().bytes), Some(0));
    }

    #[test]
    fn cache_holds_no_more_than_it_may() {
        let settled = || sources(&[("w", answer("i1", 7))]);
        let held = |cache: &ResultCache| (0..9).filter(|n| cache.get(&key(*n)).is_some()).count();
        let few = cache(3, 1 << 20, 60);
        (0..9).for_each(|n| few.put(key(n), response(""), Explain::default(), settled()));
        assert_eq!(held(&few), 3);
        let small = cache(100, 10_000, 60);
        (0..9).for_each(|n| small.put(key(n), response(&"x".repeat(2000)), Explain::default(), settled()));
        assert_eq!(held(&small), 3);
        small.put(key(0), response(&"x".repeat(10_000)), Explain::default(), settled());
        assert_eq!(held(&small), 3);
        let off = cache(0, 1 << 20, 60);
        off.put(key(0), response(""), Explain::default(), settled());
        assert_eq!(held(&off), 0);
    }

    #[test]
    fn whatever_changes_the_answer_changes_the_key() {
        type Change<'a> = &'a dyn Fn(&mut SearchRequest);
        let request = |change: Change<'_>| {
            let mut request = SearchRequest { corpora: vec!["w".into()], k: 10, ..SearchRequest::default() };
            change(&mut request);
            request
        };
        let key = |change: Change<'_>, packed: &str| Key::of(&request(change), packed).unwrap();
        let plain = key(&|_| (), "v");
        let others: [(&str, Change<'_>); 7] = [
            ("corpora", &|r| r.corpora.push("x".into())),
            ("k", &|r| r.k = 11),
            ("filter", &|r| r.filter = Some(json!({"a": 1}))),
            ("exclude_ids", &|r| r.exclude_ids.push("a".into())),
            ("role", &|r| r.role = Some("welder".into())),
            ("use_playbook", &|r| r.use_playbook = true),
            ("order", &|r| r.corpora.insert(0, "x".into())),
        ];
        let mut seen = vec![plain, key(&|_| (), "u")];
        for (what, change) in others {
            let other = key(change, "v");
            assert!(!seen.contains(&other), "{what}");
            seen.push(other);
        }
        assert_eq!(key(&|r| (r.explain, r.use_result_cache) = (true, true), "v"), plain);
        let excluded = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(
            key(&|r| r.exclude_ids = excluded(&["a", "b"]), "v"),
            key(&|r| r.exclude_ids = excluded(&["b", "a", "b"]), "v")
        );
    }
}
