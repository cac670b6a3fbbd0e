//! catalogd and ingestd under faults, by seed: real daemons with real databases, over a store that fails, delays or says
//! that it failed at every put and delete, and a network that loses calls and answers; each dies at any of these points
//! and comes back on what is on disk. Meanwhile rows are loaded and deleted, files compacted, snapshots expired, orphans
//! removed.
//!
//! What was acknowledged is there exactly once; what was not, wholly or not at all; every file that the metadata name is
//! there. What the disk loses is `lossy-disk`'s to show.
//!
//! The seed decides what goes wrong at the how-manieth operation of each kind; which operation that is is up to the
//! threads, so a seed that fails may need a few runs: `LAKEHOUSE_FAULT_SEED=17 cargo test --workspace --test lake_faults`.
#![allow(clippy::print_stderr, reason = "the seed of a failure")]

mod faults;
mod oracle;
mod process;
mod report;
mod world;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use axum::http::{Method, Request, StatusCode};
use futures::future::join_all;
use parking_lot::Mutex;
use serde_json::json;

use faults::Faults;
use oracle::{Fate, Oracle};
use report::Report;
use world::World;

/// `LAKEHOUSE_FAULT_SEEDS` asks for more.
const SEEDS: u64 = 20;
/// Storms of one seed, each followed by a look at the table.
const ROUNDS: usize = 2;
const WRITERS: usize = 3;
const BODIES: usize = 3;
/// How often a client repeats a request until it gives up.
const ATTEMPTS: usize = 40;

/// One run.
struct Run {
    world: Arc<World>,
    oracle: Oracle,
    tally: Mutex<Report>,
}

impl Run {
    /// Clients that load bodies one after the other, each until it is acknowledged or the client gives up.
    async fn write(&self, round: usize, writer: usize) {
        for number in 0..BODIES {
            let body = format!("r{round}w{writer}b{number}");
            let first = ((round * WRITERS + writer) * BODIES + number) as i64 * 10;
            let ids: Vec<i64> = (first..=first + self.faults().choose(4) as i64).collect();
            self.oracle.is_sent(&body, ids.iter().copied());
            let lines: String = ids.iter().map(|id| format!("{id},{body}\n")).collect();
            let csv = format!("id,body\n{lines}");
            let acknowledged = self
                .repeat(async || {
                    let request = Request::builder()
                        .method(Method::POST)
                        .uri("/ingest?table=lake.rows")
                        .header("content-type", "text/csv")
                        .header("idempotency-key", &body)
                        .body(csv.clone().into())
                        .unwrap_or_default();
                    self.world.ask_ingestd(request).await.map(|(status, _)| status)
                })
                .await;
            if acknowledged {
                self.oracle.is(&body, Fate::Present);
                self.tally.lock().rows_acknowledged += ids.len() as u64;
            }
        }
    }

    /// Deletes the rows of a body that is there.
    async fn delete(&self) {
        self.pause().await;
        let present = self.oracle.present();
        if present.is_empty() {
            return;
        }
        let body = &present[self.faults().choose(present.len())];
        self.oracle.is(body, Fate::Unknown);
        let condition = json!({"where": {"body": body}}).to_string();
        let acknowledged = self
            .repeat(async || {
                let path = "/tables/lake.rows/delete";
                let request = world::request(Method::POST, path, condition.clone());
                self.world.ask_ingestd(request).await.map(|(status, _)| status)
            })
            .await;
        if acknowledged {
            self.oracle.is(body, Fate::Absent);
            self.tally.lock().deletions_acknowledged += 1;
        }
    }

    /// Compacts and expires, as a timer would; nobody waits for it.
    async fn maintain(&self) {
        for _ in 0..4 {
            self.pause().await;
            let (action, request) = match self.faults().choose(2) {
                0 => ("compact", json!({"min_files": 2})),
                _ => (
                    "expire-snapshots",
                    json!({"older_than_s": 0, "retain_last": 1 + self.faults().choose(3)}),
                ),
            };
            let path = format!("/catalog/tables/lake.rows/{action}");
            let answer = self.world.ask_catalogd(Method::POST, &path, &request).await;
            if answer.is_some_and(|(status, _)| status == StatusCode::OK) {
                self.tally.lock().maintenance_done += 1;
            }
        }
    }

    /// Repeats a request until it succeeds; sometimes the client gives up before.
    async fn repeat(&self, attempt: impl AsyncFn() -> Option<StatusCode>) -> bool {
        for _ in 0..ATTEMPTS {
            self.tally.lock().requests += 1;
            if attempt().await == Some(StatusCode::OK) {
                return true;
            }
            if self.faults().choose(30) == 0 {
                return false;
            }
            self.pause().await;
        }
        false
    }

    async fn pause(&self) {
        tokio::time::sleep(self.faults().delay()).await;
    }

    fn faults(&self) -> &Faults {
        &self.world.faults
    }

    async fn round(&self, round: usize) -> anyhow::Result<()> {
        self.faults().turn(true);
        let writers = join_all((0..WRITERS).map(|writer| self.write(round, writer)));
        tokio::join!(writers, self.delete(), self.maintain());
        self.world.calm().await;
        self.oracle.verify(&self.world).await.context("after the storm")?;

        self.world.let_two_days_pass()?;
        self.faults().turn(true);
        let path = "/catalog/tables/lake.rows/remove-orphans";
        self.world.ask_catalogd(Method::POST, path, &json!({"older_than_s": 3600})).await;
        self.world.calm().await;
        self.oracle.verify(&self.world).await.context("after a removal of orphans under faults")?;
        let removed = self.world.ask_catalogd(Method::POST, path, &json!({"older_than_s": 3600})).await;
        let status = removed.map(|(status, _)| status);
        ensure!(matches!(status, Some(StatusCode::OK | StatusCode::NOT_FOUND)), "remove orphans: {status:?}");
        self.oracle.verify(&self.world).await.context("after the removal of orphans")?;
        self.oracle.verify_clean(&self.world).await
    }
}

/// Runs one seed to its end.
async fn run(seed: u64) -> anyhow::Result<Report> {
    let world = World::new(seed).await?;
    let run = Run { world, oracle: Oracle::default(), tally: Mutex::default() };
    for round in 0..ROUNDS {
        run.round(round).await.with_context(|| format!("round {round}"))?;
    }
    let mut report = run.tally.into_inner();
    report.seeds = 1;
    report.starts = *run.world.starts.lock();
    report.faults = run.world.faults.counts();
    Ok(report)
}

/// Runs seeds until there are none left, on as many threads as there are cores.
fn run_all(seeds: std::ops::Range<u64>) -> Report {
    let (next, total) = (AtomicU64::new(seeds.start), Mutex::new(Report::default()));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let done =
                        runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(seed)));
                    match done {
                        Ok(report) => total.lock().add(report),
                        Err(error) => {
                            eprintln!("LAKEHOUSE_FAULT_SEED={seed}: {error:#}");
                            total.lock().failed_seeds.push(seed);
                        }
                    }
                }
            });
        }
    });
    total.into_inner()
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn acknowledged_rows_are_there_once_and_others_wholly_or_not_at_all() -> anyhow::Result<()> {
    let seeds = match number("LAKEHOUSE_FAULT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LAKEHOUSE_FAULT_SEEDS").unwrap_or(SEEDS),
    };
    let report = run_all(seeds);
    if let Some(path) = env::var_os("LAKEHOUSE_FAULT_REPORT") {
        report.write(path.as_ref())?;
    }
    ensure!(report.failed_seeds.is_empty(), "lost or doubled under the seeds {:?}", report.failed_seeds);
    ensure!(report.rows_acknowledged > 0 && report.faults.len() > 5, "nothing was proven: {report:?}");
    Ok(())
}
