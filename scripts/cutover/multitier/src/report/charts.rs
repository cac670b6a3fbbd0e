//! Which charts a report has.

use super::{PhaseReport, Report, Times};
use crate::scenario::Scenario;
use crate::sweep::Mix;
use bench_kit::chart::{Layout, Series, bars, lines};

/// One chart, for a file of its own.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    suffix: &'static str,
    pub(super) svg: String,
}

impl Chart {
    /// In the folder of the report that is called `report`.
    pub(super) fn file_name(&self, report: &str) -> String {
        format!("{report}_{}.svg", self.suffix)
    }
}

/// Of what was measured.
pub(super) fn of(report: &Report) -> Vec<Chart> {
    let closed = report.phases.first();
    let open = report.phases.iter().find(|phase| phase.due_per_s.is_some());
    let mut charts: Vec<Chart> = closed.map(rates).into_iter().collect();
    charts.extend(closed.map(|closed| latencies(closed, open)));
    if !report.sweep.is_empty() {
        charts.push(sweep(report));
    }
    charts.push(memory(report));
    charts
}

fn rates(closed: &PhaseReport) -> Chart {
    let title = "Scenarios a second, closed loop";
    let categories: Vec<_> = closed.scenarios.iter().map(|line| line.scenario.name().to_owned()).collect();
    let succeeded = |per_s: f64, failed_part: f64| Some(per_s * (1.0 - failed_part));
    let ours = closed
        .scenarios
        .iter()
        .map(|line| succeeded(line.per_s, line.failed as f64 / line.played.max(1) as f64));
    let theirs = closed
        .scenarios
        .iter()
        .map(|line| succeeded(line.predecessor.per_s, line.predecessor.failed_percent / 100.0));
    let series = [
        Series { name: "this system", values: ours.collect() },
        Series { name: "predecessor (another machine)", values: theirs.collect() },
    ];
    let svg = bars(title, "without failure, per second", Layout::Beside, &categories, &series);
    Chart { title, suffix: "rates", svg }
}

fn latencies(closed: &PhaseReport, open: Option<&PhaseReport>) -> Chart {
    let title = "Latency: open loop at half the rate, and closed loop";
    let mut categories = Vec::new();
    let mut values: [Vec<Option<f64>>; 3] = Default::default();
    let mut add = |name: &str, read: &dyn Fn(&PhaseReport) -> Times, predecessor: [Option<f64>; 2]| {
        let of = |phase: &PhaseReport| [read(phase).p50_ms, read(phase).p99_ms];
        let (open, closed) = (open.map_or([None, None], of), of(closed));
        for (at, quantile) in ["p50", "p99"].into_iter().enumerate() {
            categories.push(format!("{name} {quantile}"));
            values[0].push(open[at]);
            values[1].push(closed[at]);
            values[2].push(predecessor[at]);
        }
    };
    let floor = |scenario| {
        closed.line(scenario).map_or([None, None], |line| [line.predecessor.p50_ms, line.predecessor.p99_ms])
    };
    add("cold search", &|phase| phase.cold_search, floor(Scenario::ColdSearchEmail));
    for scenario in [Scenario::ProfileSwap, Scenario::RepeatCache, Scenario::PlaybookRecordReplay] {
        let read =
            move |phase: &PhaseReport| phase.line(scenario).map_or(Times::default(), |line| line.times);
        add(scenario.name(), &read, floor(scenario));
    }
    let names = ["open loop", "closed loop", "predecessor, closed loop (another machine)"];
    let series: Vec<_> =
        names.into_iter().zip(values).map(|(name, values)| Series { name, values }).collect();
    Chart { title, suffix: "latency", svg: bars(title, "ms", Layout::Beside, &categories, &series) }
}

fn sweep(report: &Report) -> Chart {
    let title = "Requests a second, by callers";
    let of = |mix: Mix| report.sweep.iter().filter(move |point| point.mix == mix);
    let categories: Vec<_> = of(Mix::Search).map(|point| point.concurrency.to_string()).collect();
    let series = [Mix::Search, Mix::EmbedAndSearch].map(|mix| Series {
        name: mix.name(),
        values: of(mix).map(|point| Some(point.figures.per_s)).collect(),
    });
    Chart { title, suffix: "sweep", svg: lines(title, "per second", &categories, &series) }
}

fn memory(report: &Report) -> Chart {
    let title = "Resident memory of the daemons";
    let categories: Vec<_> = report.memory.iter().map(|line| line.daemon.to_string()).collect();
    let megabytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / 1e6);
    let series = [
        Series {
            name: "their own (RssAnon)",
            values: report.memory.iter().map(|line| megabytes(line.anon_bytes)).collect(),
        },
        Series {
            name: "of files (RssFile)",
            values: report.memory.iter().map(|line| megabytes(line.file_bytes)).collect(),
        },
    ];
    Chart { title, suffix: "memory", svg: bars(title, "MB", Layout::Stacked, &categories, &series) }
}
