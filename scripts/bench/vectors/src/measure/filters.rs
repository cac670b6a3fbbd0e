//! Searches among the few that match: recall, and time beside an exact scan of the same items.

use std::time::Instant;

use bench_kit::progress::{Progress, say};
use bench_kit::table::table;
use clap::Args;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use vector_index::{Answer, Filter, Metadata, Query};

use super::Plan;
use crate::data::{Dataset, Judge, K, Name, nearest};
use crate::ours::Ours;
use crate::record::{Bar, Measurement, Section};
use crate::stats::quantile;
use crate::tools::Tools;
use crate::worker::Graph;

/// What a filter keeps, in thousandths of all items: 50, 20, 10, 1 and 0.1 %.
const KEPT: [u32; 5] = [500, 200, 100, 10, 1];
const BAR_RECALL: f64 = 0.95;
const BAR_TIMES_SCAN: f64 = 1.0;
/// Where both sides run the same scan their times differ by chance: so much is no difference.
const NOISE: f64 = 0.03;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct FilterArgs {
    /// Candidates kept per search; absent: as in a request that names none.
    #[arg(long)]
    ef: Option<usize>,
    /// How many of the queries are searched for, under each filter.
    #[arg(long, default_value_t = 1000)]
    queries: usize,
    /// Draws who matches.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Threads that build; searches take one.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FilterResults {
    rows: usize,
    queries: usize,
    shares: Vec<Share>,
}

/// What one filter gave.
#[derive(Debug, Serialize, Deserialize)]
struct Share {
    kept_percent: f64,
    survivors: usize,
    recall: f64,
    /// Of a search, microseconds.
    median_us: f64,
    p99_us: f64,
    /// Of the exact scan of the survivors, under the same filter.
    scan_median_us: f64,
    /// The median over all queries of search time / scan time of the same query.
    ratio: f64,
}

impl Plan for FilterArgs {
    type Results = FilterResults;

    fn quick(mut self) -> Self {
        self.queries = self.queries.min(100);
        self
    }

    fn measure(&self, tools: &Tools) -> anyhow::Result<FilterResults> {
        let mut dataset = tools.source(Name::Workers).load()?;
        let queries = self.queries.min(dataset.queries.len());
        let (rows, folder) = (dataset.base.len(), tools.scratch()?);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let draws: Vec<[bool; KEPT.len()]> =
            (0..rows).map(|_| KEPT.map(|kept| rng.random_ratio(kept, 1000))).collect();

        let graph = Graph { threads: self.threads, ..Graph::PEERS };
        let ours = Ours::create(folder.path(), dataset.base.dimension, graph)?;
        say("Building the index.");
        ours.load(&dataset.base, |row| metadata(draws[row as usize]))?;
        ours.finish_indexing()?;

        let progress = Progress::new(KEPT.len() * queries, "queries");
        let mut shares = Vec::new();
        for (which, kept) in KEPT.iter().enumerate() {
            progress.begin(&format!("{} % kept", f64::from(*kept) / 10.0));
            let survivors: Vec<u32> = (0..rows as u32).filter(|row| draws[*row as usize][which]).collect();
            dataset.truth = (dataset.queries.rows().take(queries))
                .map(|query| nearest(&dataset.base, query, K, survivors.iter().copied()))
                .collect();
            let share = measure_share(&ours, &dataset, key(*kept), self.ef, &progress)?;
            shares.push(Share { kept_percent: f64::from(*kept) / 10.0, survivors: survivors.len(), ..share });
        }
        Ok(FilterResults { rows, queries, shares })
    }
}

fn key(kept: u32) -> String {
    format!("kept_{kept}")
}

fn metadata(draws: [bool; KEPT.len()]) -> Metadata {
    let pairs = KEPT.iter().zip(draws).map(|(kept, is_kept)| (key(*kept), json!(is_kept)));
    Metadata::from_map(&pairs.collect())
}

/// Each query is searched for and scanned for, one right after the other, in alternating order.
fn measure_share(
    ours: &Ours,
    dataset: &Dataset,
    key: String,
    ef: Option<usize>,
    progress: &Progress,
) -> anyhow::Result<Share> {
    let filter = Filter::parse(&json!({ key: true }))?;
    let timed = |query: &[f32], exact: bool| -> anyhow::Result<(f64, Answer)> {
        let (vector, filter) = (query.to_vec(), Some(filter.clone()));
        let query = Query { vector, k: K, filter, exact, ef, ..Query::default() };
        let started = Instant::now();
        let answer = ours.index.search(query)?;
        Ok((started.elapsed().as_secs_f64() * 1e6, answer))
    };
    let (mut found, mut searches, mut scans) = (Vec::new(), Vec::new(), Vec::new());
    for (number, query) in dataset.queries.rows().take(dataset.truth.len()).enumerate() {
        let is_scan_first = number % 2 == 1;
        let first = timed(query, is_scan_first)?;
        let second = timed(query, !is_scan_first)?;
        let (search, scan) = if is_scan_first { (second, first) } else { (first, second) };
        found.push(Ours::rows(&search.1)?);
        searches.push(search.0);
        scans.push(scan.0);
        progress.end(1);
    }
    let recall = Judge::new(dataset).recall(&found);
    let mut ratios: Vec<f64> = searches.iter().zip(&scans).map(|(search, scan)| search / scan).collect();
    for figures in [&mut searches, &mut scans, &mut ratios] {
        figures.sort_unstable_by(f64::total_cmp);
    }
    anyhow::ensure!(!searches.is_empty(), "there are no queries");
    Ok(Share {
        kept_percent: 0.0,
        survivors: 0,
        recall,
        median_us: quantile(&searches, 0.5),
        p99_us: quantile(&searches, 0.99),
        scan_median_us: quantile(&scans, 0.5),
        ratio: quantile(&ratios, 0.5),
    })
}

impl Measurement for FilterResults {
    const NAME: &'static str = "filters";
    const TITLE: &'static str = "Filters";

    fn bars(&self) -> Vec<Bar> {
        let bars = |share: &Share| {
            let of = format!("filter keeping {} %", share.kept_percent);
            [
                Bar::at_least(format!("{of}: recall@10"), "", BAR_RECALL, Some(share.recall)),
                Bar::at_most(
                    format!("{of}: time, of the exact scan's"),
                    " x",
                    BAR_TIMES_SCAN,
                    Some(share.ratio),
                )
                .allowing(NOISE),
            ]
        };
        self.shares.iter().flat_map(bars).collect()
    }

    fn sections(&self) -> Vec<Section> {
        let row = |share: &Share| {
            [
                format!("{} %", share.kept_percent),
                share.survivors.to_string(),
                format!("{:.4}", share.recall),
                format!("{:.0}", share.median_us),
                format!("{:.0}", share.p99_us),
                format!("{:.0}", share.scan_median_us),
                format!("{:.3}", share.ratio),
            ]
        };
        let header = ["kept", "items", "recall@10", "p50 us", "p99 us", "exact scan p50 us", "search / scan"];
        vec![Section {
            table: table(&header, self.shares.iter().map(row), 1..=6),
            note: format!(
                "{} worker vectors, {} queries a filter, one thread, in process. Who matches is drawn at random. Recall is \
                 against brute force over the matching items; the last column is the median over the queries, each of \
                 which is searched for and scanned for in turn.",
                self.rows, self.queries
            ),
        }]
    }
}
