//! Searches over HTTP against a real vectord on the same two cores: closed loop at two concurrencies and in two encodings,
//! then open loop at half that rate.

use std::path::PathBuf;
use std::time::Duration;

use bench_kit::progress::Progress;
use bench_kit::table::{ABSENT, table};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Plan;
use super::served::Served;
use super::yardstick::Yardstick;
use crate::corpus::{Encoding, Searches};
use crate::daemon::Daemon;
use crate::data::Name;
use crate::record::{Bar, Measurement, Section};
use crate::stats::{Spread, show};
use crate::tools::Tools;
use bench_kit::load::{self, Figures, Load, Pace};

const BAR_PER_S: f64 = 4500.0;
const BAR_P99_OVER_P50: f64 = 5.0;
/// hnswlib's queries a second in process where the bar comes from (4,600 to 5,000).
const REFERENCE_HNSWLIB_PER_S: f64 = 4800.0;
const WARM_UP: Duration = Duration::from_secs(1);
/// Connections of the open loop: more than are ever busy, unless the server stalls.
const OPEN_CONNECTIONS: usize = 50;

#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct HttpArgs {
    /// Callers at once, each of whom waits for an answer before the next request.
    #[arg(long, default_values_t = [10, 50])]
    concurrency: Vec<usize>,
    /// Seconds of each phase.
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    duration: u64,
    /// How often every setting is measured: often, since other work of the machine is in every tail.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// The daemon; default: the one beside this program.
    #[arg(long, value_name = "PROGRAM")]
    #[serde(skip)]
    vectord: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct HttpResults {
    rows: usize,
    /// Those of them that no graph covers: they are scanned.
    buffered: usize,
    ef: usize,
    recall: f64,
    /// hnswlib's queries a second in process, before and after.
    hnswlib_per_s: [Option<f64>; 2],
    closed: Vec<Setting>,
    /// With a generator that waits for its turn like any other process: what it waits counts too.
    open: Vec<Phase>,
    /// With a generator that the system lets go first: what is measured is the server. Empty without that privilege.
    open_first: Vec<Phase>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Setting {
    encoding: Encoding,
    concurrency: usize,
    /// By round.
    phases: Vec<Phase>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Phase {
    #[serde(flatten)]
    figures: Figures,
    /// Cores that vectord kept busy.
    server_cores: f64,
}

impl HttpResults {
    /// By how much slower or faster the machine is than the one that the bar comes from.
    fn machine(&self) -> Option<f64> {
        let [before, after] = self.hnswlib_per_s;
        Some(f64::midpoint(before?, after?) / REFERENCE_HNSWLIB_PER_S)
    }
}

impl Plan for HttpArgs {
    type Results = HttpResults;

    fn quick(mut self) -> Self {
        (self.duration, self.rounds) = (2, 1);
        self
    }

    fn measure(&self, tools: &Tools) -> anyhow::Result<HttpResults> {
        let source = tools.source(Name::Workers);
        let dataset = source.load()?;
        let mut yardstick = Yardstick::new(&source, &dataset, tools)?;
        let served = Served::start(self.vectord.as_deref(), &dataset.base, tools)?;
        let (ef, recall) = served.find_ef(&dataset)?;

        let before = yardstick.rate()?;
        let mut closed = Vec::new();
        for encoding in [Encoding::Base64, Encoding::Numbers] {
            for concurrency in &self.concurrency {
                closed.push(Setting { encoding, concurrency: *concurrency, phases: Vec::new() });
            }
        }
        let progress = Progress::new(self.rounds * (closed.len() + 1), "phases");
        for _ in 0..self.rounds {
            for setting in &mut closed {
                let Setting { encoding, concurrency, phases } = setting;
                progress.begin(&format!("closed loop, {concurrency} callers, {}", encoding.as_str()));
                let mut searches = Searches::new(&dataset.queries, *encoding, ef)?;
                phases.push(phase(self, &served.daemon, *concurrency, Pace::Closed, &mut searches)?);
                progress.end(1);
            }
        }
        let per_s = 0.5 * closed.first().and_then(Setting::per_s).map_or(0.0, |rate| rate.median);
        let (mut open, mut open_first) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            progress.begin(&format!("open loop, {per_s:.0} requests/s"));
            let mut searches = Searches::new(&dataset.queries, Encoding::Base64, ef)?;
            let mut measure =
                || phase(self, &served.daemon, OPEN_CONNECTIONS, Pace::Open { per_s }, &mut searches);
            open.push(measure()?);
            if scheduling::go_first(true).is_ok() {
                open_first.push(measure()?);
                scheduling::go_first(false)?;
            }
            progress.end(1);
        }
        drop(progress);
        let (rows, buffered) = (dataset.base.len(), served.info.buffered);
        drop(served);
        Ok(HttpResults {
            rows,
            buffered,
            ef,
            recall,
            hnswlib_per_s: [before, yardstick.rate()?],
            closed,
            open,
            open_first,
        })
    }
}

impl HttpResults {
    /// How much slower the slowest of a hundred requests is than the median.
    fn tail(&self) -> Bar {
        let ratio = |phases: &[Phase]| {
            let ratios = phases.iter().map(|phase| phase.figures.p99_ms / phase.figures.p50_ms);
            Spread::of(&ratios.collect::<Vec<_>>())
        };
        let (ordinary, first) = (ratio(&self.open), ratio(&self.open_first));
        let measured = first.or(ordinary).map(|ratio| ratio.median);
        let bar = Bar::at_most("HTTP, open loop at half: p99, of p50", " x", BAR_P99_OVER_P50, measured);
        match first.and(ordinary) {
            Some(ordinary) => {
                bar.with_detail(&format!("({} with the generator's own waits)", ordinary.show(1)))
            }
            None => bar,
        }
    }
}

fn phase(
    args: &HttpArgs,
    daemon: &Daemon,
    connections: usize,
    pace: Pace,
    searches: &mut Searches,
) -> anyhow::Result<Phase> {
    let address = daemon.address();
    let load = |duration| Load { address, connections, pace, duration, max_requests: u64::MAX };
    load::run(&load(WARM_UP), searches)?;
    let cpu_before_s = daemon.cpu_s()?;
    let outcome = load::run(&load(Duration::from_secs(args.duration)), searches)?;
    let server_cores = (daemon.cpu_s()? - cpu_before_s) / outcome.took.wall_s;
    Ok(Phase { figures: outcome.figures(), server_cores })
}

impl Setting {
    fn per_s(&self) -> Option<Spread> {
        Spread::of(&self.phases.iter().map(|phase| phase.figures.per_s).collect::<Vec<_>>())
    }

    fn failed(&self) -> u64 {
        self.phases.iter().map(|phase| phase.figures.failed).sum()
    }
}

impl Measurement for HttpResults {
    const NAME: &'static str = "http";
    const TITLE: &'static str = "Search over HTTP";

    fn bars(&self) -> Vec<Bar> {
        let machine = self.machine();
        let rate = |setting: &Setting| {
            let what = format!("HTTP, {} callers: requests/s, scaled", setting.concurrency);
            let measured = setting.per_s().filter(|_| setting.failed() == 0);
            let scaled = measured.zip(machine).map(|(rate, machine)| rate.median / machine);
            let detail = measured.map_or(ABSENT.to_owned(), |rate| rate.show(0));
            Bar::at_least(what, "/s", BAR_PER_S, scaled).with_detail(&format!("(here {detail})"))
        };
        let by_base64 = self.closed.iter().filter(|setting| setting.encoding == Encoding::Base64);
        by_base64.map(rate).chain([self.tail()]).collect()
    }

    fn sections(&self) -> Vec<Section> {
        let closed = self.closed.iter().map(|setting| {
            let name = format!("closed, {} callers, {}", setting.concurrency, setting.encoding.as_str());
            row(name, &setting.phases)
        });
        let open = [
            row("open, at half the first rate".to_owned(), &self.open),
            row("the same, the generator first".to_owned(), &self.open_first),
        ];
        let header =
            ["loop", "requests/s", "p50 ms", "p99 ms", "max ms", "failed", "vectord cores", "client cores"];
        let [before, after] =
            self.hnswlib_per_s.map(|rate| rate.map_or(ABSENT.to_owned(), |rate| format!("{rate:.0}")));
        vec![Section {
            table: table(&header, closed.chain(open), 1..=7),
            note: format!(
                "{} worker vectors ({} of them outside of the graph) with six metadata fields, top 10 with metadata, at ef \
                 {}, where recall@10 over HTTP is {:.4}; median (least-most) of the rounds. vectord and the load \
                 generator share the machine. hnswlib in process on one thread, at recall@10 0.98: {before} queries/s \
                 before, {after} after; requests/s are scaled to {REFERENCE_HNSWLIB_PER_S:.0}. Latencies of the open \
                 loop count from the moment at which a request was due. With two cores for three busy threads the \
                 generator itself waits for a core now and then, and what it waits is in its latencies: in the last row it \
                 has real-time priority and waits for the server alone. The bar is judged by that row, and the other \
                 figure stands beside it.",
                self.rows, self.buffered, self.ef, self.recall
            ),
        }]
    }
}

fn row(name: String, phases: &[Phase]) -> [String; 8] {
    let figure = |of: fn(&Phase) -> f64, decimals| show(&phases.iter().map(of).collect::<Vec<_>>(), decimals);
    [
        name,
        figure(|phase| phase.figures.per_s, 0),
        figure(|phase| phase.figures.p50_ms, 2),
        figure(|phase| phase.figures.p99_ms, 2),
        figure(|phase| phase.figures.max_ms, 1),
        phases.iter().map(|phase| phase.figures.failed).sum::<u64>().to_string(),
        figure(|phase| phase.server_cores, 2),
        figure(|phase| phase.figures.client_cores, 2),
    ]
}
