//! The memory of a vectord that holds 100,000 vectors of 768 numbers with metadata.

use std::path::PathBuf;

use anyhow::ensure;
use bench_kit::progress::say;
use bench_kit::table::{megabytes, table};
use clap::Args;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Plan;
use super::served::Served;
use crate::corpus::{Encoding, Searches};
use crate::data::{Matrix, Name, normalise};
use crate::record::{Bar, Measurement, Section};
use crate::tools::Tools;
use bench_kit::load::{self, Load, NO_LIMIT, Pace};
use bench_kit::procfs::Memory;

const BAR_MB: f64 = 450.0;
const SEARCHES: u64 = 10_000;
const CONNECTIONS: usize = 4;
/// Where the second half of a vector begins to repeat the first one.
const ROTATION: usize = 127;
/// By how much its numbers are moved, as a part of what they are on average.
const NOISE: f32 = 0.5;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct RssArgs {
    /// Candidates kept per search.
    #[arg(long, default_value_t = 96)]
    ef: usize,
    /// Draws the second half of each vector.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The daemon; default: the one beside this program.
    #[arg(long, value_name = "PROGRAM")]
    #[serde(skip)]
    vectord: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RssResults {
    rows: usize,
    dimension: usize,
    loaded: Memory,
    restarted: Memory,
    searched: Memory,
}

impl Plan for RssArgs {
    type Results = RssResults;

    fn quick(self) -> Self {
        self
    }

    fn measure(&self, tools: &Tools) -> anyhow::Result<RssResults> {
        let source = tools.source(Name::Workers);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let base = doubled(&source.base()?, &mut rng);
        let queries = doubled(&source.queries()?, &mut rng);

        let served = Served::start(self.vectord.as_deref(), &base, tools)?;
        let loaded = Memory::of(served.daemon.pid())?;
        say("Restarting vectord.");
        let served = served.restart(self.vectord.as_deref())?;
        let restarted = Memory::of(served.daemon.pid())?;
        say(&format!("Searching {SEARCHES} times."));
        let load = Load {
            address: served.daemon.address(),
            connections: CONNECTIONS,
            pace: Pace::Closed,
            duration: NO_LIMIT,
            max_requests: SEARCHES,
        };
        let outcome = load::run(&load, &mut Searches::new(&queries, Encoding::Base64, self.ef)?)?;
        ensure!(outcome.failed == 0, "a search failed: {}", outcome.first_failure.unwrap_or_default());
        let searched = Memory::of(served.daemon.pid())?;
        Ok(RssResults { rows: base.len(), dimension: base.dimension, loaded, restarted, searched })
    }
}

/// Vectors of twice the dimension that are as near to each other as the given ones, and no mere copies: behind each comes
/// itself, rotated and with noise.
fn doubled(matrix: &Matrix, rng: &mut ChaCha8Rng) -> Matrix {
    let (dimension, noise) = (matrix.dimension, NOISE / (matrix.dimension as f32).sqrt());
    let mut values = Vec::with_capacity(2 * matrix.values.len());
    for row in matrix.rows() {
        let begin = values.len();
        values.extend_from_slice(row);
        for i in 0..dimension {
            values.push(row[(i + ROTATION) % dimension] + rng.random_range(-noise..noise));
        }
        normalise(&mut values[begin..]);
    }
    Matrix { dimension: 2 * dimension, values }
}

impl RssResults {
    fn moments(&self) -> [(&'static str, Memory); 3] {
        [
            ("after the load", self.loaded),
            ("after a restart", self.restarted),
            ("after 10,000 searches", self.searched),
        ]
    }
}

impl Measurement for RssResults {
    const NAME: &'static str = "rss";
    const TITLE: &'static str = "Memory of vectord";

    fn bars(&self) -> Vec<Bar> {
        let bar = |(when, memory): (&str, Memory)| {
            let what = format!("vectord at {} x {} with metadata, {when}: RSS", self.rows, self.dimension);
            Bar::at_most(what, " MB", BAR_MB, Some(memory.total_bytes() as f64 / 1e6))
        };
        self.moments().map(bar).to_vec()
    }

    fn sections(&self) -> Vec<Section> {
        let row = |(when, memory): (&str, Memory)| {
            let Memory { anon_bytes, file_bytes, peak_bytes } = memory;
            [
                when.to_owned(),
                megabytes(memory.total_bytes()),
                megabytes(anon_bytes),
                megabytes(file_bytes),
                megabytes(peak_bytes),
            ]
        };
        let header = ["when", "RSS MB", "RssAnon MB", "RssFile MB", "peak so far MB"];
        vec![Section {
            table: table(&header, self.moments().map(row), 1..=4),
            note: format!(
                "{} vectors of {} numbers, six metadata fields each: the worker vectors, each followed by itself rotated and \
                 with noise. RssFile holds pages of mapped files, which the kernel takes back when it needs them. The \
                 f32 numbers alone are {} MB.",
                self.rows,
                self.dimension,
                megabytes((self.rows * self.dimension * size_of::<f32>()) as u64)
            ),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_vectors_have_unit_length_and_stay_neighbours() {
        let mut a = vec![0.0; 384];
        (a[0], a[1]) = (0.8, 0.6);
        let mut b = a.clone();
        (b[0], b[1]) = (0.6, 0.8);
        let matrix = Matrix { dimension: 384, values: [a, b].concat() };
        let doubled = doubled(&matrix, &mut ChaCha8Rng::seed_from_u64(1));
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
        let (a, b) = (doubled.row(0), doubled.row(1));
        assert_eq!((doubled.dimension, doubled.len()), (768, 2));
        assert!((dot(a, a) - 1.0).abs() < 1e-5 && (0.7..1.0).contains(&dot(a, b)), "{}", dot(a, b));
    }
}
