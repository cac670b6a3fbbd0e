//! One phase in figures.

use std::collections::BTreeMap;

use bench_kit::load::Pace;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::predecessor::Predecessor;
use crate::calls::Waits;
use crate::phases::Measured;
use crate::scenario::Scenario;
use crate::tally::{Detail, Tally};
use crate::verify::Recall;
use crate::watch::{DaemonWork, Work};

/// One phase.
#[derive(Debug, Clone, Serialize)]
pub struct PhaseReport {
    /// In words.
    pub name: &'static str,
    /// Users at once.
    pub users: u16,
    /// Scenarios due a second; absent in a closed loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_per_s: Option<f64>,
    /// From the first call to the last answer, seconds.
    pub elapsed_s: f64,
    /// Scenarios played.
    pub played: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Scenarios a second.
    pub scenarios_per_s: f64,
    /// Calls sent to the gateway.
    pub requests: u64,
    /// Calls a second.
    pub requests_per_s: f64,
    /// Recordings acknowledged, a second.
    pub recordings_per_s: f64,
    /// By scenario, all six.
    pub scenarios: Vec<ScenarioLine>,
    /// From the start of `cold_search_email` to the answer of its search.
    pub cold_search: Times,
    /// What plain searches found of the exact answer; absent where none was compared.
    pub recall: Option<Recall>,
    /// How often which rule refused a fault that was planted for it. One that passed is a failure.
    pub planted: BTreeMap<&'static str, u64>,
    /// What the daemons did.
    pub work: Work,
    /// By daemon.
    pub daemons: Vec<DaemonWork>,
    /// What it cost to play the users.
    pub generator: Generator,
    /// Answers that were waited out, where daemons are killed.
    pub waits: Waits,
    /// How often which promise was broken or which error code came.
    pub failure_kinds: BTreeMap<&'static str, u64>,
    /// The first failures, in full.
    pub failures: Vec<Detail>,
}

/// How long something took, milliseconds; absent if it never happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Times {
    /// Median.
    pub p50_ms: Option<f64>,
    /// 95th percentile.
    pub p95_ms: Option<f64>,
    /// 99th percentile.
    pub p99_ms: Option<f64>,
}

/// One scenario's part. Times are of whole scenarios, failed ones included.
#[derive(Debug, Clone, Serialize)]
pub struct ScenarioLine {
    /// Which.
    pub scenario: Scenario,
    /// How often it was played.
    pub played: u64,
    /// How often it failed.
    pub failed: u64,
    /// How often it was played, a second.
    pub per_s: f64,
    /// How long it took.
    #[serde(flatten)]
    pub times: Times,
    /// What the predecessor came to.
    pub predecessor: Predecessor,
}

/// What it cost to play the users.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Generator {
    /// Cores that it kept busy.
    pub cores: f64,
    /// Processor time of one request, its answer and the checks of it, microseconds.
    pub us_per_request: f64,
}

/// One scenario by itself: one user, nothing else going on.
#[derive(Debug, Clone, Serialize)]
pub struct Alone {
    /// Which.
    pub scenario: Scenario,
    /// How often it was played.
    pub played: u64,
    /// How often it failed.
    pub failed: u64,
    /// Calls, each time.
    pub requests: f64,
    /// Searches in an index of vectord, each time.
    pub index_searches: Option<f64>,
    /// Searches answered from the result cache, each time.
    pub result_cache_hits: Option<f64>,
    /// How long it took.
    #[serde(flatten)]
    pub times: Times,
}

impl PhaseReport {
    pub(super) fn new(measured: Measured) -> Self {
        let Measured { phase, tally, took, work, daemons, recall } = measured;
        let (played, elapsed_s, requests) = (tally.played(), took.wall_s, tally.requests);
        Self {
            name: phase.name,
            users: phase.users,
            due_per_s: match phase.pace {
                Pace::Closed => None,
                Pace::Open { per_s } => Some(per_s),
            },
            elapsed_s,
            played,
            failed: tally.failed(),
            scenarios_per_s: played as f64 / elapsed_s,
            requests,
            requests_per_s: requests as f64 / elapsed_s,
            recordings_per_s: tally.recorded as f64 / elapsed_s,
            scenarios: Scenario::ALL.map(|scenario| ScenarioLine::new(scenario, &tally, elapsed_s)).to_vec(),
            cold_search: Times::of(&tally.cold_search_us),
            recall,
            planted: tally.planted,
            work,
            daemons,
            generator: Generator {
                cores: took.cpu_s / elapsed_s,
                us_per_request: 1e6 * took.cpu_s / requests.max(1) as f64,
            },
            waits: tally.waits,
            failure_kinds: tally.failure_kinds,
            failures: tally.details,
        }
    }

    /// The line of a scenario.
    pub(super) fn line(&self, scenario: Scenario) -> Option<&ScenarioLine> {
        self.scenarios.iter().find(|line| line.scenario == scenario)
    }
}

impl Times {
    fn of(us: &Histogram<u64>) -> Self {
        let ms = |quantile| (!us.is_empty()).then(|| us.value_at_quantile(quantile) as f64 / 1e3);
        Self { p50_ms: ms(0.5), p95_ms: ms(0.95), p99_ms: ms(0.99) }
    }
}

impl ScenarioLine {
    fn new(scenario: Scenario, tally: &Tally, elapsed_s: f64) -> Self {
        let line = tally.line(scenario);
        let played = line.times_us.len();
        Self {
            scenario,
            played,
            failed: line.failed,
            per_s: played as f64 / elapsed_s,
            times: Times::of(&line.times_us),
            predecessor: Predecessor::at(scenario),
        }
    }
}

impl Alone {
    /// `None` for a phase that was a mix, or in which nothing was played.
    pub(super) fn new(measured: &Measured) -> Option<Self> {
        let scenario = measured.phase.only?;
        let played = measured.tally.played();
        let each_time = |count: u64| count as f64 / played as f64;
        (played > 0).then(|| Self {
            scenario,
            played,
            failed: measured.tally.failed(),
            requests: each_time(measured.tally.requests),
            index_searches: measured.work.index_searches.map(each_time),
            result_cache_hits: measured.work.result_cache_hits.map(each_time),
            times: Times::of(&measured.tally.line(scenario).times_us),
        })
    }
}
