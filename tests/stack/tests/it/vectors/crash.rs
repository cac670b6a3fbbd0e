//! Crashes under load: whatever the daemon was about, sealing, growing a graph, vacuuming, no acknowledged write is
//! missing afterwards, and no deleted item is back.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
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
    acknowledged: usize,
    unanswered: usize,
    searches: usize,
    seals: u64,
    largest_segment: u64,
}

impl Totals {
    fn as_json(&self, rounds: u64, seconds: u64) -> Value {
        json!({
            "rounds": rounds, "seconds_per_round": seconds, "losses": 0, "server_errors": 0,
            "acknowledged_writes": self.acknowledged, "unanswered_writes": self.unanswered,
            "checked_searches": self.searches, "seals": self.seals, "largest_segment_bytes": self.largest_segment,
        })
    }
}

/// Lets `crash` end a few seconds of load, again and again, and looks each time for what was acknowledged.
async fn survives(
    proof: &Proof,
    mut stack: Stack,
    crash: impl AsyncFn(&mut Stack, u64) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let rounds = parameter("ROUNDS")?.unwrap_or(3);
    let seconds = parameter("SECONDS")?.unwrap_or(3);
    let mut totals = Totals::default();
    let mut known: [(Items, u64); INDEXES.len()] = Default::default();
    for (name, dimension) in INDEXES {
        create(&stack.http(DaemonName::Vectord)?, name, dimension).await?;
    }
    for round in 0..rounds {
        let turn = (round % INDEXES.len() as u64) as usize;
        let (name, dimension) = INDEXES[turn];
        let folder = indexes_folder(&stack).join(name);
        let seals_before = generation(&folder)?;
        let (before, version) = known[turn].clone();
        let churn = Churn::new(stack.http(DaemonName::Vectord)?, name, dimension, before, version);
        let history = churn.run(round, Duration::from_secs(seconds), async || stack.kill9()).await?;
        totals.seals += generation(&folder)? - seals_before;
        totals.largest_segment = totals.largest_segment.max(largest_segment(&folder)?);
        crash(&mut stack, round).await?;

        for (turn_of, (name, dimension)) in INDEXES.into_iter().enumerate() {
            let what = || format!("index {name} after crash {round}");
            let found =
                contents(&stack.http(DaemonName::Vectord)?, name, dimension).await.with_context(what)?;
            if turn_of == turn {
                history.check_survival(&found.0, found.1).with_context(what)?;
                history.check_searches().with_context(what)?;
            } else {
                ensure!(found == known[turn_of], "{}: it changed at rest", what());
            }
            known[turn_of] = found;
        }
        totals.acknowledged += history.acknowledged.len();
        totals.unanswered += history.unanswered.len();
        totals.searches += history.searches.len();
        proof.progress(&format!("round {round} of {rounds}: {}", totals.as_json(round + 1, seconds)));
    }
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
    stack.stop().await?;
    stack.assert_quiet(&EXPECTED)?;
    proof.record(&settings(), &totals.as_json(rounds, seconds))
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
    survives(&proof, vectord().start().await?, restart).await
}

/// By turns all unsynced writes are lost and torn: this proves the syncs, those of segments, graphs and manifests too.
#[tokio::test]
async fn vectord_under_load_loses_nothing_to_power_cuts() -> anyhow::Result<()> {
    let proof = Proof::begin("vectors-power-cut");
    let cut = async |stack: &mut Stack, round: u64| {
        // Two rounds each, so that both indexes meet both.
        let unsynced = if round % 4 < 2 { Unsynced::Lost } else { Unsynced::Torn(round) };
        stack.power_cut(unsynced).await
    };
    survives(&proof, vectord().instrument(Instrument::LossyDisk).start().await?, cut).await
}
