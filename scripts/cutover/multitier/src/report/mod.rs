//! What came of a run: as one JSON object, and as a page for people.

mod markdown;
mod predecessor;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_kit::machine::{Build, Machine};
use jiff::Timestamp;
use serde::Serialize;
use wire::DaemonName;
use wire::health::{DaemonStatus, Status};

use crate::Args;
use crate::load::Outcome;
use crate::scenario::Scenario;
use crate::tally::{Detail, Tally};
use predecessor::Predecessor;

/// What was seen around a run.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) machine: Machine,
    pub(crate) build: Build,
    pub(crate) before: Status,
    pub(crate) after: Status,
}

/// The result of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// When the run ended.
    pub date: Timestamp,
    /// How it was run.
    pub settings: Args,
    /// Where it was run.
    pub machine: Machine,
    /// What was run.
    pub build: Build,
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
    /// By scenario, all six.
    pub scenarios: Vec<ScenarioLine>,
    /// By daemon, all eleven.
    pub daemons: Vec<DaemonLine>,
    /// How often which promise was broken or which error code came.
    pub failure_kinds: BTreeMap<&'static str, u64>,
    /// The first failures, in full.
    pub failures: Vec<Detail>,
}

/// One scenario's part. Times are of whole scenarios, failed ones included; absent if it was never played.
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
    /// Median, milliseconds.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the same.
    pub p95_ms: Option<f64>,
    /// 99th percentile of the same.
    pub p99_ms: Option<f64>,
    /// What the predecessor came to.
    pub predecessor: Predecessor,
}

/// One daemon's part.
#[derive(Debug, Clone, Serialize)]
pub struct DaemonLine {
    /// Which.
    pub daemon: DaemonName,
    /// The version of its build.
    pub version: Option<String>,
    /// Resident memory before the run.
    pub rss_before_bytes: Option<u64>,
    /// Resident memory after the run.
    pub rss_after_bytes: Option<u64>,
    /// Requests that it answered during the run.
    pub requests: Option<u64>,
}

/// Where the report was written.
#[derive(Debug)]
pub(crate) struct Files {
    json: PathBuf,
    markdown: PathBuf,
}

impl Report {
    pub(crate) fn new(args: &Args, outcome: Outcome, observation: Observation) -> Self {
        let Outcome { tally, elapsed } = outcome;
        let elapsed_s = elapsed.as_secs_f64();
        let scenarios = Scenario::ALL.map(|scenario| ScenarioLine::new(scenario, &tally, elapsed_s)).to_vec();
        let (played, failed) = (sum(&scenarios, |line| line.played), sum(&scenarios, |line| line.failed));
        Self {
            date: Timestamp::now(),
            settings: args.clone(),
            machine: observation.machine,
            build: observation.build,
            elapsed_s,
            played,
            failed,
            scenarios_per_s: played as f64 / elapsed_s,
            requests: tally.requests,
            requests_per_s: tally.requests as f64 / elapsed_s,
            scenarios,
            daemons: daemon_lines(&observation.before, &observation.after),
            failure_kinds: tally.failure_kinds,
            failures: tally.details,
        }
    }

    /// Writes `multitier_<DATE>.json` and `.md` into `dir`; a later run of the same day replaces them.
    pub(crate) fn save(&self, dir: &Path) -> anyhow::Result<Files> {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let name = format!("multitier_{}", self.date.strftime("%Y-%m-%d"));
        let files =
            Files { json: dir.join(format!("{name}.json")), markdown: dir.join(format!("{name}.md")) };
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (path, text) in [(&files.json, &json), (&files.markdown, &self.to_markdown())] {
            fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(files)
    }

    /// Says on standard output what came of the run.
    pub(crate) fn print(&self, as_json: bool, files: &Files) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        if as_json {
            serde_json::to_writer_pretty(&mut out, self)?;
            return Ok(writeln!(out)?);
        }
        writeln!(out, "{}", self.summary())?;
        Ok(writeln!(out, "Written to {} and {}.", files.json.display(), files.markdown.display())?)
    }
}

impl ScenarioLine {
    fn new(scenario: Scenario, tally: &Tally, elapsed_s: f64) -> Self {
        let line = tally.line(scenario);
        let played = line.times_us.len();
        let percentile =
            |quantile| (played > 0).then(|| line.times_us.value_at_quantile(quantile) as f64 / 1e3);
        Self {
            scenario,
            played,
            failed: line.failed,
            per_s: played as f64 / elapsed_s,
            p50_ms: percentile(0.5),
            p95_ms: percentile(0.95),
            p99_ms: percentile(0.99),
            predecessor: Predecessor::at(scenario),
        }
    }
}

fn sum(lines: &[ScenarioLine], of: impl Fn(&ScenarioLine) -> u64) -> u64 {
    lines.iter().map(of).sum()
}

fn daemon_lines(before: &Status, after: &Status) -> Vec<DaemonLine> {
    let line = |daemon: DaemonName| {
        let find = |status: &Status| status.daemons.iter().find(|line| line.name == daemon).cloned();
        let (before, after) = (find(before), find(after));
        let requests = |line: &Option<DaemonStatus>| line.as_ref().and_then(|line| line.requests);
        DaemonLine {
            daemon,
            version: after.as_ref().and_then(|line| line.version.clone()),
            requests: requests(&after)
                .zip(requests(&before))
                .map(|(after, before)| after.saturating_sub(before)),
            rss_before_bytes: before.and_then(|line| line.rss_bytes),
            rss_after_bytes: after.and_then(|line| line.rss_bytes),
        }
    };
    DaemonName::ALL.map(line).to_vec()
}
