//! The figures that somebody asked for bounds on.

use bench_kit::bar::Bar;
use wire::DaemonName;

use super::predecessor::SCENARIOS_PER_S;
use super::{PhaseReport, Report, Times};
use crate::scenario::Scenario;

/// Of the exact top ten, on average.
pub(super) const MIN_RECALL: f64 = 0.95;
/// Three times what the predecessor did.
const AIM_PER_S: f64 = 3.0 * SCENARIOS_PER_S;
/// Recordings a second.
const RECORDINGS_PER_S: f64 = 300.0;
/// What a search may take longer for the playbook memory, milliseconds.
const MAX_WARMTH_MS: f64 = 1.0;
const MAX_RSS_MB: f64 = 600.0;
const MAX_MATRIXD_MB: f64 = 40.0;

/// Of what was measured.
pub(super) fn of(report: &Report) -> Vec<Bar> {
    let mut bars = Vec::new();
    let mut phases = report.phases.iter();
    let Some(closed) = phases.next() else { return bars };
    bars.push(none("closed loop: scenarios that failed", closed.failed));
    bars.push(Bar::at_least("closed loop: scenarios", "/s", SCENARIOS_PER_S, Some(closed.scenarios_per_s)));
    bars.push(Bar::at_least("the same, as aimed at", "/s", AIM_PER_S, Some(closed.scenarios_per_s)));
    bars.push(Bar::at_least(
        "closed loop: recordings acknowledged",
        "/s",
        RECORDINGS_PER_S,
        Some(closed.recordings_per_s),
    ));
    bars.extend(recall(closed));
    bars.extend(phases.clone().filter(|phase| phase.due_per_s.is_none()).flat_map(|phase| {
        [none(&format!("{}: scenarios that failed", phase.name), phase.failed)]
            .into_iter()
            .chain(recall(phase))
    }));
    let mut open = phases.filter(|phase| phase.due_per_s.is_some());
    if let Some(ordinary) = open.next() {
        bars.extend(latencies(ordinary, open.next()));
    }
    bars.extend(report.warmth.map(|warmth| {
        let what = format!("search with playbooks, {} recordings: longer by, p50", warmth.recordings);
        Bar::at_most(what, " ms", MAX_WARMTH_MS, Some(warmth.extra_p50_ms))
    }));
    bars.extend(memory(report));
    if let Some(chaos) = &report.chaos {
        bars.push(none("daemons killed: recordings lost", chaos.kept.lost as u64));
        bars.push(none("daemons killed: recordings not recalled", chaos.kept.not_recalled as u64));
    }
    bars
}

/// Nothing of it may happen.
fn none(what: &str, count: u64) -> Bar {
    Bar {
        what: what.to_owned(),
        bar: "0".to_owned(),
        figure: count.to_string(),
        value: Some(count as f64),
        is_met: count == 0,
        missed_by: None,
    }
}

fn recall(phase: &PhaseReport) -> Option<Bar> {
    let recall = phase.recall?;
    let bar =
        Bar::at_least(format!("{}: recall of the top ten", phase.name), "", MIN_RECALL, Some(recall.mean));
    Some(bar.with_detail(&format!("({} searches)", recall.samples)))
}

/// Judged by the phase whose generator waits for its turn like any process; the other says how much of it is that wait.
fn latencies(ordinary: &PhaseReport, first: Option<&PhaseReport>) -> Vec<Bar> {
    let of = |phase: &PhaseReport, scenario| phase.line(scenario).map_or(Times::default(), |line| line.times);
    let bar = |what: &str, bound, read: &dyn Fn(&PhaseReport) -> Option<f64>| {
        let bar = Bar::at_most(format!("open loop: {what}"), " ms", bound, read(ordinary));
        match first.and_then(read) {
            Some(ms) => bar.with_detail(&format!("({ms:.2} without the generator's own waits)")),
            None => bar,
        }
    };
    vec![
        none("open loop: scenarios that failed", ordinary.failed + first.map_or(0, |phase| phase.failed)),
        bar("cold search p50", 2.2, &|phase| phase.cold_search.p50_ms),
        bar("cold search p99", 8.6, &|phase| phase.cold_search.p99_ms),
        bar("swap p50", 4.5, &|phase| of(phase, Scenario::ProfileSwap).p50_ms),
        bar("five repeats p50", 3.0, &|phase| of(phase, Scenario::RepeatCache).p50_ms),
    ]
}

fn memory(report: &Report) -> Vec<Bar> {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let all = report.memory.iter().map(|line| line.rss_bytes).sum::<Option<u64>>();
    let matrixd = report.memory.iter().find(|line| line.daemon == DaemonName::Matrixd);
    vec![
        Bar::at_most("memory of all eleven", " MB", MAX_RSS_MB, all.map(megabytes)),
        Bar::at_most(
            "memory of matrixd",
            " MB",
            MAX_MATRIXD_MB,
            matrixd.and_then(|line| line.rss_bytes).map(megabytes),
        ),
    ]
}
