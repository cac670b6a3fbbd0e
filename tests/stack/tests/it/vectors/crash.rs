//! Crashes under load: whatever the daemon was about, sealing, growing a graph, vacuuming, no acknowledged write is
//! missing afterwards, and no deleted item is back.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use serde_json::{Value, json};
use testkit::{Instrument, Stack, Unsynced};
use wire::DaemonName;

use super::churn::{Churn, contents};
use super::history::Items;
use super::proof::{Proof, parameter};
use super::{create, files_of, indexes_folder, settings, vectord};

/// By turns under load: segments that are held in memory, and segments that are large enough to be mapped.
const INDEXES: [(&str, usize); 2] = [("wide", 2048), ("narrow", 8)];
/// From which size on a segment is mapped.
const MAPPED_BYTES: u64 = 1 << 20;
/// What the log may hold: a torn write that nobody was told of is cut off.
const EXPECTED: [&str; 1] = ["dropped an unfinished last commit"];

#[derive(Default)]
struct Totals {
    rounds: u64,
    acknowledged: usize,
    unanswered: usize,
    searches: usize,
    seals: u64,
    largest_segment: u64,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.acknowledged += other.acknowledged;
        self.unanswered += other.unanswered;
        self.searches += other.searches;
        self.seals += other.seals;
        self.largest_segment = self.largest_segment.max(other.largest_segment);
    }

    fn as_json(&self, stacks: u64, seconds: u64) -> Value {
        json!({
            "rounds": self.rounds, "seconds_per_round": seconds, "stacks_at_once": stacks,
            "losses": 0, "server_errors": 0,
            "acknowledged_writes": self.acknowledged, "unanswered_writes": self.unanswered,
            "checked_searches": self.searches, "seals": self.seals, "largest_segment_bytes": self.largest_segment,
        })
    }
}

/// Lets `crash` end a few seconds of load, again and again, and looks each time for what was acknowledged. Several stacks
/// share the rounds, so that an hour of them fits into minutes.
async fn survives(
    proof: &Proof,
    start: impl AsyncFn() -> anyhow::Result<Stack>,
    crash: impl AsyncFn(&mut Stack, u64) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let rounds: u64 = parameter("ROUNDS")?.unwrap_or(3);
    let seconds: u64 = parameter("SECONDS")?.unwrap_or(3);
    let stacks: u64 = parameter("STACKS")?.unwrap_or(1);
    let totals = RefCell::new(Totals::default());
    let lanes = (0..stacks).map(async |lane| {
        let mut stack = start().await?;
        let mut known: Known = Known::default();
        for (name, dimension) in INDEXES {
            create(&stack.http(DaemonName::Vectord)?, name, dimension).await?;
        }
        for round in (0..rounds).filter(|round| round % stacks == lane) {
            let duration = Duration::from_secs(seconds);
            let seen = survives_once(&mut stack, &mut known, round, round / stacks, duration, &crash)
                .await
                .with_context(|| format!("round {round}"))?;
            let mut totals = totals.borrow_mut();
            totals.add(&seen);
            proof.progress(&totals.as_json(stacks, seconds).to_string());
        }
        stack.stop().await?;
        stack.assert_quiet(&EXPECTED)
    });
    try_join_all(lanes).await?;
    let totals = totals.into_inner();
    ensure!(totals.rounds == rounds, "{} rounds of {rounds}", totals.rounds);
    ensure!(
        totals.seals >= rounds,
        "{} seals in {rounds} rounds: too few to be hit by a crash",
        totals.seals
    );
    ensure!(
        totals.largest_segment >= MAPPED_BYTES,
        "no segment was mapped: {} bytes",
        totals.largest_segment
    );
    proof.record(&settings(), &totals.as_json(stacks, seconds))
}

/// What each index of a stack holds, and its version.
type Known = [(Items, u64); INDEXES.len()];

/// One crash of one stack. `seed` is the load's; the indexes come under load by `turn`s.
async fn survives_once(
    stack: &mut Stack,
    known: &mut Known,
    seed: u64,
    turn: u64,
    duration: Duration,
    crash: &impl AsyncFn(&mut Stack, u64) -> anyhow::Result<()>,
) -> anyhow::Result<Totals> {
    let loaded = (turn % INDEXES.len() as u64) as usize;
    let (name, dimension) = INDEXES[loaded];
    let folder = indexes_folder(stack).join(name);
    let seals_before = generation(&folder)?;
    let (before, version) = known[loaded].clone();
    let churn = Churn::new(stack.http(DaemonName::Vectord)?, name, dimension, before, version);
    let history = churn.run(seed, duration, async || stack.kill9()).await?;
    let seals = generation(&folder)? - seals_before;
    let largest_segment = largest_segment(&folder)?;
    crash(stack, turn).await?;

    for (position, (name, dimension)) in INDEXES.into_iter().enumerate() {
        let what = || format!("index {name} after the crash");
        let found = contents(&stack.http(DaemonName::Vectord)?, name, dimension).await.with_context(what)?;
        if position == loaded {
            history.check_survival(&found.0, found.1).with_context(what)?;
            history.check_searches().with_context(what)?;
        } else {
            ensure!(found == known[position], "{}: it changed at rest", what());
        }
        known[position] = found;
    }
    Ok(Totals {
        rounds: 1,
        acknowledged: history.acknowledged.len(),
        unanswered: history.unanswered.len(),
        searches: history.searches.len(),
        seals,
        largest_segment,
    })
}

/// Raised by every seal.
fn generation(index_folder: &Path) -> anyhow::Result<u64> {
    let numbers = files_of(index_folder)?.into_iter().filter_map(|path| {
        path.file_name()?.to_str()?.strip_prefix("manifest-")?.strip_suffix(".man")?.parse().ok()
    });
    numbers.max().context("no manifest")
}

fn largest_segment(index_folder: &Path) -> anyhow::Result<u64> {
    let mut largest = 0;
    for path in files_of(index_folder)?.iter().filter(|path| path.extension().is_some_and(|end| end == "seg"))
    {
        largest = largest.max(path.metadata()?.len());
    }
    Ok(largest)
}

/// The page cache survives SIGKILL: what is proved is that whatever was under way, files and log agree.
#[tokio::test]
async fn vectord_under_load_loses_nothing_to_sigkill() -> anyhow::Result<()> {
    let proof = Proof::begin("vectors-sigkill");
    let restart = async |stack: &mut Stack, _| stack.daemon(DaemonName::Vectord)?.restart().await;
    survives(&proof, async || vectord().start().await, restart).await
}

/// By turns all unsynced writes are lost and torn: this proves the syncs, those of segments, graphs and manifests too.
#[tokio::test]
async fn vectord_under_load_loses_nothing_to_power_cuts() -> anyhow::Result<()> {
    let proof = Proof::begin("vectors-power-cut");
    let cut = async |stack: &mut Stack, turn: u64| {
        // Two turns each, so that both indexes meet both.
        let unsynced = if turn % 4 < 2 { Unsynced::Lost } else { Unsynced::Torn(turn) };
        stack.power_cut(unsynced).await
    };
    survives(&proof, async || vectord().instrument(Instrument::LossyDisk).start().await, cut).await
}
