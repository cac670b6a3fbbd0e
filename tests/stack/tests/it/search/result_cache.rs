//! Searches through the result caches of two matrixd, while the index is written, dropped and made anew: what was
//! acknowledged before a search is in its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use testkit::{Http, Stack};
use tokio::sync::RwLock;
use wire::DaemonName;

use super::{add, create, hits, item, replica_of_matrixd};

const SEED: u64 = 5;
const IDS: usize = 12;
const WRITERS: usize = 3;
const READERS: usize = 4;
const WRITES: usize = 150;
const DROPS: usize = 12;
/// Each waits for leases, which come a quarter of a second after a change.
const LEASED_WRITES: u64 = 8;
/// How long a lease may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is known of one item. Its changes are numbered from 1; an upsert writes its number into the item.
#[derive(Default)]
struct Known {
    issued: AtomicU64,
    /// The last deletion that was asked for.
    deletion: AtomicU64,
    /// The last change that was acknowledged, times two, plus one if it was a deletion.
    acknowledged: AtomicU64,
}

impl Known {
    fn acknowledge(&self, change: u64, is_deletion: bool) {
        self.acknowledged.store(change * 2 + u64::from(is_deletion), SeqCst);
    }

    fn issue(&self, is_deletion: bool) -> u64 {
        let change = self.issued.fetch_add(1, SeqCst) + 1;
        if is_deletion {
            self.deletion.store(change, SeqCst);
        }
        change
    }
}

struct World {
    vectord: Http,
    matrixd: [Http; 2],
    known: [Known; IDS],
    /// Who drops the index excludes those who write to it.
    index: RwLock<()>,
    drops_begun: AtomicUsize,
    drops_ended: AtomicUsize,
    is_over: AtomicBool,
    hits: AtomicUsize,
    stale: AtomicUsize,
}

fn id(n: usize) -> String {
    format!("item {n}")
}

fn upsert(n: usize, change: u64) -> Value {
    item(&id(n), &[1.0, n as f32], &json!({"change": change}))
}

impl World {
    async fn write(&self, writer: usize) -> anyhow::Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + writer as u64);
        for _ in 0..WRITES {
            let n = rng.random_range(0..IDS / WRITERS) * WRITERS + writer;
            let _index = self.index.read().await;
            let is_deletion = rng.random_bool(0.3);
            let change = self.known[n].issue(is_deletion);
            if is_deletion {
                self.vectord.post("/vectors/index/w/delete", &json!({"ids": [id(n)]})).expect(200).await?;
            } else {
                add(&self.vectord, "w", &[upsert(n, change)]).await?;
            }
            self.known[n].acknowledge(change, is_deletion);
        }
        Ok(())
    }

    /// Makes the index anew, with as many changes as before if that is how it comes: the version says nothing then.
    async fn drop_and_make_anew(&self) -> anyhow::Result<()> {
        for _ in 0..DROPS {
            let _index = self.index.write().await;
            self.drops_begun.fetch_add(1, SeqCst);
            let before = self.vectord.get("/vectors/index/w").expect(200).await?;
            let deletions: Vec<u64> = self.known.iter().map(|known| known.issue(true)).collect();
            self.vectord.delete("/vectors/index/w").expect(204).await?;
            for (known, change) in self.known.iter().zip(deletions) {
                known.acknowledge(change, true);
            }
            create(&self.vectord, "w", 2, "euclidean").await?;
            self.drops_ended.fetch_add(1, SeqCst);
            for _ in 0..before["version"].as_u64().context("version")?.min(60) {
                let change = self.known[0].issue(false);
                add(&self.vectord, "w", &[upsert(0, change)]).await?;
                self.known[0].acknowledge(change, false);
            }
        }
        Ok(())
    }

    async fn read(&self, reader: usize) -> anyhow::Result<()> {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED * 1000 + reader as u64);
        let body = json!({"query_vector": [1.0, 0.0], "corpora": ["w"], "k": IDS, "use_result_cache": true,
                          "explain": true});
        while !self.is_over.load(SeqCst) {
            let dropped_before = self.drops_ended.load(SeqCst);
            let acknowledged: Vec<u64> =
                self.known.iter().map(|known| known.acknowledged.load(SeqCst)).collect();
            let reply = self.matrixd[rng.random_range(0..2)].post("/matrix/search", &body).send().await?;
            if reply.status == 404 && self.drops_begun.load(SeqCst) > dropped_before {
                continue;
            }
            let answer = reply.expect(200)?;
            match answer["explain"]["result_cache"]["outcome"].as_str() {
                Some("hit") => self.hits.fetch_add(1, SeqCst),
                Some("stale") => self.stale.fetch_add(1, SeqCst),
                _ => 0,
            };
            for (n, acknowledged) in acknowledged.into_iter().enumerate() {
                self.check(n, acknowledged, hits(&answer, "results")?).with_context(|| answer.to_string())?;
            }
        }
        Ok(())
    }

    /// What `results` say of item `n` is not older than what was `acknowledged` before they were asked for.
    fn check(&self, n: usize, acknowledged: u64, results: &[Value]) -> anyhow::Result<()> {
        let (change, is_deleted) = (acknowledged / 2, acknowledged % 2 == 1);
        match results.iter().find(|hit| hit["id"] == id(n)) {
            Some(hit) => {
                let found = hit["metadata"]["change"].as_u64().context("change")?;
                let is_new = if is_deleted { found > change } else { found >= change };
                ensure!(is_new, "item {n}: change {found}, after {change} (deleted: {is_deleted})");
                ensure!(found <= self.known[n].issued.load(SeqCst), "item {n}: change {found} is to come");
            }
            None => {
                let is_right = is_deleted || change == 0 || self.known[n].deletion.load(SeqCst) > change;
                ensure!(is_right, "item {n} is missing, although change {change} was acknowledged");
            }
        }
        Ok(())
    }
}

/// Searches through the cache until the answer comes from it by vectord's word alone.
async fn search_until_leased(matrixd: &Http) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while search(matrixd).await?["explain"]["result_cache"]["leased"] != true {
        ensure!(Instant::now() < deadline, "no answer by a lease within {PATIENCE:?}");
    }
    Ok(())
}

async fn search(matrixd: &Http) -> anyhow::Result<Value> {
    let body = json!({"query_vector": [1.0, 0.0], "corpora": ["w"], "k": IDS, "use_result_cache": true,
                      "explain": true});
    matrixd.post("/matrix/search", &body).expect(200).await
}

#[tokio::test]
async fn write_acknowledged_while_every_matrixd_has_a_lease_is_in_the_next_answer_of_each()
-> anyhow::Result<()> {
    let stack = Stack::of(&[DaemonName::Vectord, DaemonName::Matrixd]).start().await?;
    let other = replica_of_matrixd(&stack, &[]).await?;
    let vectord = stack.http(DaemonName::Vectord)?.keeping_connections();
    let matrixd =
        [stack.http(DaemonName::Matrixd)?, other.http(DaemonName::Matrixd)?].map(Http::keeping_connections);
    create(&vectord, "w", 2, "euclidean").await?;
    for change in 1..=LEASED_WRITES {
        for matrixd in &matrixd {
            search_until_leased(matrixd).await?;
        }
        add(&vectord, "w", &[upsert(0, change)]).await?;
        for matrixd in &matrixd {
            let answer = search(matrixd).await?;
            ensure!(hits(&answer, "results")?[0]["metadata"]["change"] == change, "{change}: {answer}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_from_before_an_acknowledged_write_never_comes_back() -> anyhow::Result<()> {
    println!("seed {SEED}");
    let stack = Stack::of(&[DaemonName::Vectord, DaemonName::Matrixd]).start().await?;
    let other = replica_of_matrixd(&stack, &[]).await?;
    let world = Arc::new(World {
        vectord: stack.http(DaemonName::Vectord)?.keeping_connections(),
        matrixd: [stack.http(DaemonName::Matrixd)?, other.http(DaemonName::Matrixd)?]
            .map(Http::keeping_connections),
        known: Default::default(),
        index: RwLock::default(),
        drops_begun: AtomicUsize::default(),
        drops_ended: AtomicUsize::default(),
        is_over: AtomicBool::default(),
        hits: AtomicUsize::default(),
        stale: AtomicUsize::default(),
    });
    create(&world.vectord, "w", 2, "euclidean").await?;
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.read(reader).await })
        })
        .collect();
    let mut writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.write(writer).await })
        })
        .collect();
    let dropper = Arc::clone(&world);
    writers.push(tokio::spawn(async move { dropper.drop_and_make_anew().await }));
    let mut outcomes = Vec::new();
    for writer in writers {
        outcomes.push(writer.await?);
    }
    world.is_over.store(true, SeqCst);
    for reader in readers {
        reader.await??;
    }
    outcomes.into_iter().collect::<anyhow::Result<()>>()?;
    let (hits, stale) = (world.hits.load(SeqCst), world.stale.load(SeqCst));
    println!("{hits} answers from the cache, {stale} out of date");
    ensure!(hits > 50 && stale > 50, "the cache was hardly tried: {hits} hits, {stale} stale");
    Ok(())
}
