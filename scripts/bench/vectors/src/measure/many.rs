//! Ten thousand small indexes in one vectord: memory, and how long a restart takes.

use std::path::PathBuf;

use anyhow::ensure;
use bench_kit::progress::say;
use bench_kit::table::{megabytes, table};
use clap::Args;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use wire::packed::pack;
use wire::vectors::{AddItems, CreateIndex, Distance, IndexList, NewItem};

use super::Plan;
use super::served::vectord;
use crate::daemon::Daemon;
use crate::record::{Bar, Measurement, Section};
use crate::tools::Tools;
use bench_kit::http::{Reply, post_json};
use bench_kit::load::{self, Load, NO_LIMIT, Pace, Traffic};
use bench_kit::procfs::Memory;

const BAR_RSS_MB: f64 = 1000.0;
const BAR_READY_S: f64 = 10.0;
const DIMENSION: usize = 384;
const ITEMS: usize = 3;
/// Several writers, so that they share syncs where the daemon lets them.
const CONNECTIONS: usize = 16;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct ManyArgs {
    /// How many indexes.
    #[arg(long, default_value_t = 10_000)]
    indexes: u64,
    /// Draws the vectors.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The daemon; default: the one beside this program.
    #[arg(long, value_name = "PROGRAM")]
    #[serde(skip)]
    vectord: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ManyResults {
    indexes: u64,
    /// Making them and filling them.
    created_s: f64,
    filled_s: f64,
    filled: Memory,
    /// From the start of the process until it said that it was ready.
    ready_s: f64,
    restarted: Memory,
}

impl Plan for ManyArgs {
    type Results = ManyResults;

    fn quick(mut self) -> Self {
        self.indexes = self.indexes.min(200);
        self
    }

    fn measure(&self, tools: &Tools) -> anyhow::Result<ManyResults> {
        let (program, folder) = (vectord(self.vectord.as_deref())?, tools.scratch()?);
        let daemon = Daemon::start(&program, folder.path())?;
        say(&format!("Creating {} indexes.", self.indexes));
        let created_s = send(self, &daemon, &mut Creations)?;
        say(&format!("Adding {ITEMS} items to each."));
        let mut additions = Additions { rng: ChaCha8Rng::seed_from_u64(self.seed) };
        let filled_s = send(self, &daemon, &mut additions)?;
        let filled = Memory::of(daemon.pid())?;
        say("Restarting vectord.");
        daemon.stop()?;
        let daemon = Daemon::start(&program, folder.path())?;
        let restarted = Memory::of(daemon.pid())?;
        let list: IndexList = daemon.client()?.get("/vectors/index")?;
        let complete = list.indexes.iter().filter(|index| index.count == ITEMS).count();
        ensure!(complete as u64 == self.indexes, "{complete} of {} indexes came back", self.indexes);
        let ready_s = daemon.ready_after.as_secs_f64();
        Ok(ManyResults { indexes: self.indexes, created_s, filled_s, filled, ready_s, restarted })
    }
}

/// Sends one request for each index; returns how long that took, seconds.
fn send(args: &ManyArgs, daemon: &Daemon, traffic: &mut impl Traffic) -> anyhow::Result<f64> {
    let load = Load {
        address: daemon.address(),
        connections: CONNECTIONS,
        pace: Pace::Closed,
        duration: NO_LIMIT,
        max_requests: args.indexes,
    };
    let outcome = load::run(&load, traffic)?;
    ensure!(
        outcome.failed == 0,
        "{} requests failed: {}",
        outcome.failed,
        outcome.first_failure.unwrap_or_default()
    );
    Ok(outcome.took.wall_s)
}

fn name(number: u64) -> String {
    format!("index-{number:05}")
}

/// Creates an index a request.
struct Creations;

impl Traffic for Creations {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        let create = CreateIndex { name: name(number), dimension: DIMENSION, distance: Distance::Cosine };
        out.extend_from_slice(&post_json("/vectors/index", &serde_json::to_vec(&create).unwrap_or_default()));
    }

    fn check(&mut self, _: u64, reply: &Reply<'_>) -> Result<(), String> {
        if reply.status == 201 { Ok(()) } else { Err(reply.to_string()) }
    }
}

/// Adds items to an index a request.
struct Additions {
    rng: ChaCha8Rng,
}

impl Traffic for Additions {
    fn write(&mut self, number: u64, out: &mut Vec<u8>) {
        let mut item = |i: usize| {
            let vector: Vec<f32> = (0..DIMENSION).map(|_| self.rng.random_range(-1.0..1.0)).collect();
            NewItem { id: i.to_string(), vector_b64: Some(pack(&vector)), ..NewItem::default() }
        };
        let add = AddItems { items: (0..ITEMS).map(&mut item).collect() };
        let path = format!("/vectors/index/{}/add", name(number));
        out.extend_from_slice(&post_json(&path, &serde_json::to_vec(&add).unwrap_or_default()));
    }

    fn check(&mut self, _: u64, reply: &Reply<'_>) -> Result<(), String> {
        if reply.status == 200 { Ok(()) } else { Err(reply.to_string()) }
    }
}

impl Measurement for ManyResults {
    const NAME: &'static str = "many";
    const TITLE: &'static str = "Many indexes";

    fn bars(&self) -> Vec<Bar> {
        let of = format!("{} indexes x {ITEMS} vectors", self.indexes);
        let rss_mb = self.filled.total_bytes().max(self.restarted.total_bytes()) as f64 / 1e6;
        vec![
            Bar::at_most(format!("{of}: RSS"), " MB", BAR_RSS_MB, Some(rss_mb)),
            Bar::at_most(format!("{of}: ready after a restart"), " s", BAR_READY_S, Some(self.ready_s)),
        ]
    }

    fn sections(&self) -> Vec<Section> {
        let row = [
            self.indexes.to_string(),
            format!("{:.1}", self.created_s),
            format!("{:.1}", self.filled_s),
            megabytes(self.filled.total_bytes()),
            format!("{:.2}", self.ready_s),
            megabytes(self.restarted.total_bytes()),
        ];
        let header = ["indexes", "created s", "filled s", "RSS MB", "ready after a restart s", "RSS then MB"];
        vec![Section {
            table: table(&header, [row], 0..=5),
            note: format!(
                "{ITEMS} vectors of {DIMENSION} numbers in each; {CONNECTIONS} writers, one request for each index to create \
                 it and one to fill it, each answered when it is on disk."
            ),
        }]
    }
}
