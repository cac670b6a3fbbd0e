//! Searches at a fixed rate alone, and the same while upserts arrive: what writes cost readers.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use bench_kit::progress::Progress;
use bench_kit::table::{ABSENT, table};
use clap::Args;
use serde::{Deserialize, Serialize};
use wire::vectors::IndexStatus;

use super::Plan;
use super::served::Served;
use crate::corpus::{Encoding, INDEX, Searches, Upserts};
use crate::daemon::Daemon;
use crate::data::Name;
use crate::record::{Bar, Measurement, Section};
use crate::stats::Spread;
use crate::tools::Tools;
use bench_kit::load::{self, Figures, Load, Pace};

const BAR_TIMES_ALONE: f64 = 1.5;
/// More than are ever busy, unless the server stalls.
const CONNECTIONS: usize = 50;
/// How often it is looked whether a build is under way: few requests beside those that are measured.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct MixedArgs {
    /// Searches due a second.
    #[arg(long, default_value_t = 500.0, value_name = "PER_S")]
    searches: f64,
    /// Upserts of one item due a second.
    #[arg(long, default_value_t = 500.0, value_name = "PER_S")]
    upserts: f64,
    /// Seconds of each phase: long enough for builds in the background.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    duration: u64,
    /// How often both phases are measured, one after the other.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// The daemon; default: the one beside this program.
    #[arg(long, value_name = "PROGRAM")]
    #[serde(skip)]
    vectord: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MixedResults {
    rows: usize,
    ef: usize,
    rounds: Vec<Round>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Round {
    alone: Figures,
    with_upserts: Figures,
    upserts: Figures,
    background: Background,
}

/// What vectord did in the background during the upserts.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Background {
    /// Builds that were seen to begin.
    builds: usize,
    /// The part of the time in which one was under way.
    busy: f64,
}

impl Plan for MixedArgs {
    type Results = MixedResults;

    fn quick(mut self) -> Self {
        (self.duration, self.rounds) = (5, 1);
        self
    }

    fn measure(&self, tools: &Tools) -> anyhow::Result<MixedResults> {
        let dataset = tools.source(Name::Workers).load()?;
        let served = Served::start(self.vectord.as_deref(), &dataset.base, tools)?;
        let (ef, _) = served.find_ef(&dataset)?;
        let mut searches = Searches::new(&dataset.queries, Encoding::Base64, ef)?;
        let mut upserts = Upserts::new(&dataset.base);

        let progress = Progress::new(2 * self.rounds, "phases");
        let mut rounds = Vec::new();
        for _ in 0..self.rounds {
            served.daemon.wait_until_idle(INDEX)?;
            progress.begin("searches alone");
            let alone = load::run(&load_at(self.searches, &served.daemon, self), &mut searches)?.figures();
            progress.end(1);
            progress.begin("searches and upserts");
            rounds.push(with_upserts(self, &served.daemon, &mut searches, &mut upserts, alone)?);
            progress.end(1);
        }
        Ok(MixedResults { rows: dataset.base.len(), ef, rounds })
    }
}

fn load_at(per_s: f64, daemon: &Daemon, args: &MixedArgs) -> Load {
    let (address, duration) = (daemon.address(), Duration::from_secs(args.duration));
    Load { address, connections: CONNECTIONS, pace: Pace::Open { per_s }, duration, max_requests: u64::MAX }
}

/// Both loads at once, each on a thread of its own.
fn with_upserts(
    args: &MixedArgs,
    daemon: &Daemon,
    searches: &mut Searches,
    upserts: &mut Upserts<'_>,
    alone: Figures,
) -> anyhow::Result<Round> {
    let is_over = AtomicBool::new(false);
    let (searched, upserted, background) = thread::scope(|scope| {
        let upserting = scope.spawn(|| load::run(&load_at(args.upserts, daemon, args), upserts));
        let watching = scope.spawn(|| watch(daemon, &is_over));
        let searched = load::run(&load_at(args.searches, daemon, args), searches);
        let upserted = upserting.join();
        is_over.store(true, Ordering::Relaxed);
        (searched, upserted, watching.join())
    });
    let panicked = |_| anyhow!("a thread of the load generator panicked");
    Ok(Round {
        alone,
        with_upserts: searched?.figures(),
        upserts: upserted.map_err(panicked)??.figures(),
        background: background.map_err(panicked)??,
    })
}

fn watch(daemon: &Daemon, is_over: &AtomicBool) -> anyhow::Result<Background> {
    let (mut looks, mut busy_looks, mut builds, mut was_building) = (0_usize, 0_usize, 0, false);
    while !is_over.load(Ordering::Relaxed) {
        let is_building = daemon.info(INDEX)?.status == IndexStatus::Building;
        builds += usize::from(is_building && !was_building);
        (looks, busy_looks) = (looks + 1, busy_looks + usize::from(is_building));
        was_building = is_building;
        thread::sleep(LOOK_INTERVAL);
    }
    Ok(Background { builds, busy: busy_looks as f64 / looks.max(1) as f64 })
}

impl Measurement for MixedResults {
    const NAME: &'static str = "mixed";
    const TITLE: &'static str = "Searches while upserts arrive";

    fn bars(&self) -> Vec<Bar> {
        let ratio = |round: &Round| round.with_upserts.p99_ms / round.alone.p99_ms;
        let ratios = Spread::of(&self.rounds.iter().map(ratio).collect::<Vec<_>>());
        let failed: u64 = self.rounds.iter().map(Round::failed).sum();
        let what = "searches while upserts arrive: p99, of the same alone";
        let measured = ratios.filter(|_| failed == 0).map(|ratio| ratio.median);
        let bar = Bar::at_most(what, " x", BAR_TIMES_ALONE, measured);
        vec![match ratios {
            Some(ratio) => bar.with_detail(&format!("({:.2}-{:.2})", ratio.min, ratio.max)),
            None => bar,
        }]
    }

    fn sections(&self) -> Vec<Section> {
        let rows = self.rounds.iter().enumerate().flat_map(|(number, round)| {
            let row = |what: &str, figures: &Figures, builds: String, busy: String| {
                let Figures { per_s, p50_ms, p99_ms, max_ms, failed, .. } = figures;
                [
                    (number + 1).to_string(),
                    what.to_owned(),
                    format!("{per_s:.0}"),
                    format!("{p50_ms:.2}"),
                    format!("{p99_ms:.2}"),
                    format!("{max_ms:.1}"),
                    failed.to_string(),
                    builds,
                    busy,
                ]
            };
            let Background { builds, busy } = round.background;
            let absent = || ABSENT.to_owned();
            [
                row("searches alone", &round.alone, absent(), absent()),
                row(
                    "searches with upserts",
                    &round.with_upserts,
                    builds.to_string(),
                    format!("{:.0} %", busy * 100.0),
                ),
                row("upserts", &round.upserts, absent(), absent()),
            ]
        });
        let header =
            ["round", "what", "a second", "p50 ms", "p99 ms", "max ms", "failed", "builds begun", "building"];
        vec![Section {
            table: table(&header, rows, 2..=8),
            note: format!(
                "Open loop over HTTP, top 10 with metadata of {} worker vectors at ef {}; latencies count from the moment \
                 at which a request was due. Nine of ten upserts replace an item, one adds one. The last columns say what \
                 vectord built in the background meanwhile, and in how much of the time.",
                self.rows, self.ef
            ),
        }]
    }
}

impl Round {
    fn failed(&self) -> u64 {
        self.alone.failed + self.with_upserts.failed + self.upserts.failed
    }
}
