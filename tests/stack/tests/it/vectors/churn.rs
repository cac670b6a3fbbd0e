//! Load that never lets an index rest: writers that upsert, delete and re-add the same ids, and searchers beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use testkit::{Http, Reply, wait_for};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use wire::packed::pack;

use super::history::{Changes, History, Items, Search, Token, vector};
use super::info;
use super::proof::PATIENCE;

const WRITERS: u64 = 4;
const SEARCHERS: u64 = 8;
/// All writers write to these.
const IDS: u32 = 500;
/// The most items of one write.
const MAX_BATCH: usize = 3;
/// Results of a search under load.
const K: usize = 10;
/// One search in so many is exact, and compared with brute force.
const EXACT_PART: u32 = 8;
/// A round that saw fewer writes proves nothing.
const MIN_WRITES: usize = 100;

/// One index under load.
#[derive(Debug, Clone)]
pub(crate) struct Churn {
    http: Http,
    name: &'static str,
    dimension: usize,
    /// Tokens are never given twice.
    next_token: Arc<AtomicU64>,
    /// The daemon is about to be killed: from here on calls may fail.
    is_over: Arc<AtomicBool>,
    history: Arc<Mutex<History>>,
}

impl Churn {
    /// Load for an index that holds `before` at `version`.
    pub(crate) fn new(http: Http, name: &'static str, dimension: usize, before: Items, version: u64) -> Self {
        let latest = before.values().max().copied().unwrap_or_default();
        let history = History { dimension, before, version, ..History::default() };
        Self {
            http: http.keeping_connections(),
            name,
            dimension,
            // Writes that were never acknowledged had tokens too.
            next_token: Arc::new(AtomicU64::new(latest + 1_000)),
            is_over: Arc::default(),
            history: Arc::new(Mutex::new(history)),
        }
    }

    /// Writes and searches for `duration`, calls `kill`, and returns what happened until everybody was cut off.
    ///
    /// # Errors
    /// Any answer that is not a success, and any call that failed before `kill`.
    pub(crate) async fn run(
        self,
        seed: u64,
        duration: Duration,
        kill: impl AsyncFnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<History> {
        let mut tasks = JoinSet::new();
        for task in 0..WRITERS + SEARCHERS {
            let (churn, rng) = (self.clone(), ChaCha8Rng::seed_from_u64(seed * 100 + task));
            tasks.spawn(async move {
                if task < WRITERS { churn.write(rng).await } else { churn.search(rng).await }
            });
        }
        let started = Instant::now();
        let enough = async || {
            // Before the kill nobody ends but by a failure.
            if let Some(ended) = tasks.try_join_next() {
                return Ok(Some(ended));
            }
            let writes = self.history.lock().await.acknowledged.len();
            ensure!(started.elapsed() >= duration && writes >= MIN_WRITES, "{writes} acknowledged writes");
            Ok(None)
        };
        if let Some(ended) = wait_for("the end of a round", duration + PATIENCE, enough).await? {
            ended??;
            bail!("a writer or searcher ended by itself");
        }
        self.is_over.store(true, Relaxed);
        kill().await?;
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(std::mem::take(&mut *self.history.lock().await))
    }

    async fn write(self, mut rng: ChaCha8Rng) -> anyhow::Result<()> {
        loop {
            let changes = self.changes(&mut rng);
            let (call, body) = self.request(&changes);
            let reply = self.http.post(&format!("/vectors/index/{}/{call}", self.name), &body).send().await;
            let Some(answer) = self.answer(reply)? else {
                self.history.lock().await.unanswered.push(changes);
                return Ok(());
            };
            let version = answer["version"].as_u64().context("a version")?;
            self.history.lock().await.acknowledge(version, changes)?;
        }
    }

    /// Upserts or deletes some ids: a third are gone at any time.
    fn changes(&self, rng: &mut ChaCha8Rng) -> Changes {
        let is_delete = rng.random_ratio(1, 3);
        let ids = (0..rng.random_range(1..=MAX_BATCH)).map(|_| format!("id-{}", rng.random_range(0..IDS)));
        ids.map(|id| (id, (!is_delete).then(|| self.next_token.fetch_add(1, Relaxed)))).collect()
    }

    fn request(&self, changes: &Changes) -> (&'static str, Value) {
        if changes.values().all(Option::is_none) {
            return ("delete", json!({"ids": changes.keys().collect::<Vec<_>>()}));
        }
        let items: Vec<_> = changes
            .iter()
            .filter_map(|(id, token)| Some((id, (*token)?)))
            .map(|(id, token)| {
                let vector = pack(&vector(token, self.dimension));
                json!({"id": id, "vector_b64": vector, "metadata": {"token": token}})
            })
            .collect();
        ("add", json!({ "items": items }))
    }

    async fn search(self, mut rng: ChaCha8Rng) -> anyhow::Result<()> {
        loop {
            let token = rng.random_range(0..self.next_token.load(Relaxed));
            let is_exact = rng.random_ratio(1, EXACT_PART);
            let body = search_body(&vector(token, self.dimension), K, is_exact);
            let reply = self.http.post(&format!("/vectors/index/{}/search", self.name), &body).send().await;
            let Some(answer) = self.answer(reply)? else { return Ok(()) };
            let version = answer["version"].as_u64().context("a version")?;
            let search = Search { token, k: K, is_exact, version, hits: hits(&answer)? };
            self.history.lock().await.searches.push(search);
        }
    }

    /// `None` if the daemon has been killed over the call.
    fn answer(&self, reply: anyhow::Result<Reply>) -> anyhow::Result<Option<Value>> {
        match reply {
            Ok(reply) => reply.expect(200).map(Some),
            Err(_) if self.is_over.load(Relaxed) => Ok(None),
            Err(failure) => bail!("{failure:#}"),
        }
    }
}

fn search_body(vector: &[f32], k: usize, is_exact: bool) -> Value {
    json!({"vector_b64": pack(vector), "k": k, "exact": is_exact})
}

fn hits(answer: &Value) -> anyhow::Result<Vec<(String, Token, f64)>> {
    let hit = |hit: &Value| {
        let id = hit["id"].as_str()?.to_owned();
        Some((id, hit["metadata"]["token"].as_u64()?, hit["distance"].as_f64()?))
    };
    let results = answer["results"].as_array().context("results")?;
    results.iter().map(hit).collect::<Option<_>>().with_context(|| format!("not results: {answer}"))
}

/// What an index holds, and at which version, asked in every way there is: by search, by id, by count.
///
/// # Errors
/// When the ways contradict each other, or an item is not found by its own vector.
pub(crate) async fn contents(http: &Http, name: &str, dimension: usize) -> anyhow::Result<(Items, u64)> {
    let http = &http.clone().keeping_connections();
    let path = format!("/vectors/index/{name}");
    let body = search_body(&vector(0, dimension), IDS as usize + 1, true);
    let answer = http.post(&format!("{path}/search"), &body).expect(200).await?;
    let items: Items = hits(&answer)?.into_iter().map(|(id, token, _)| (id, token)).collect();
    let info = info(http, name).await?;
    ensure!(info.count == items.len(), "{} items are searched, {info:?}", items.len());
    ensure!(answer["version"] == info.version, "version {} is searched, {info:?}", answer["version"]);
    for id in (0..IDS).map(|n| format!("id-{n}")) {
        let item = http.get(&format!("{path}/items/{id}")).send().await?;
        let Some(token) = items.get(&id) else {
            item.expect(404).context("an item that searches do not find")?;
            continue;
        };
        let (item, vector) = (item.expect(200)?, vector(*token, dimension));
        let stored: Vec<f32> = serde_json::from_value(item["vector"].clone())?;
        ensure!(item["metadata"]["token"] == *token && stored == vector, "{id} is not {token}: {item}");
        let found = http.post(&format!("{path}/search"), &search_body(&vector, 1, false)).expect(200).await?;
        ensure!(found["results"][0]["id"] == id, "{id} is not found by its own vector: {found}");
    }
    Ok((items, info.version))
}
