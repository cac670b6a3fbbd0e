//! What came of a run: as one JSON object, as a page for people, and as charts.

mod bars;
mod charts;
mod markdown;
mod phase;
mod predecessor;
mod sections;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use bench_kit::bar::Bar;
use bench_kit::machine::{Build, Machine};
use jiff::Timestamp;
use serde::Serialize;

use crate::Args;
use crate::chaos::Chaos;
use crate::phases::AllMeasured;
use crate::sweep::Point;
use crate::warmth::Warmth;
use crate::watch::DaemonMemory;
pub use phase::{Alone, Generator, PhaseReport, ScenarioLine, Times};
pub use predecessor::Predecessor;

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
    /// Scenarios that failed, of all phases.
    pub failed: u64,
    /// Figures beside their bounds, as far as they were measured.
    pub bars: Vec<Bar>,
    /// The mix of scenarios, the closed loop first.
    pub phases: Vec<PhaseReport>,
    /// Each scenario by itself, one user.
    pub alone: Vec<Alone>,
    /// Searches with playbooks beside searches without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmth: Option<Warmth>,
    /// Searches by the number of callers.
    pub sweep: Vec<Point>,
    /// Memory at the end, and before daemons were killed.
    pub memory: Vec<DaemonMemory>,
    /// What killing daemons came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chaos: Option<Chaos>,
}

/// Where the report was written.
#[derive(Debug)]
pub(crate) struct Files(Vec<PathBuf>);

impl Report {
    pub(crate) fn new(args: &Args, measured: AllMeasured, machine: Machine, build: Build) -> Self {
        let phases: Vec<_> = measured.phases.into_iter().map(PhaseReport::new).collect();
        let alone: Vec<_> = measured.alone.iter().filter_map(Alone::new).collect();
        let failed =
            phases.iter().map(|phase| phase.failed).chain(alone.iter().map(|alone| alone.failed)).sum();
        let report = Self {
            date: Timestamp::now(),
            settings: args.clone(),
            machine,
            build,
            failed,
            bars: Vec::new(),
            phases,
            alone,
            warmth: measured.warmth,
            sweep: measured.sweep,
            memory: measured.memory,
            chaos: measured.chaos,
        };
        Self { bars: bars::of(&report), ..report }
    }

    /// Whether no scenario failed, and no check after a phase.
    pub fn is_clean(&self) -> bool {
        let finds_enough =
            |phase: &PhaseReport| phase.recall.is_none_or(|recall| recall.mean >= bars::MIN_RECALL);
        let keeps_all = |chaos: &Chaos| chaos.kept.lost == 0 && chaos.kept.not_recalled == 0;
        let sweep_failed: u64 = self.sweep.iter().map(|point| point.figures.failed).sum();
        self.failed == 0
            && sweep_failed == 0
            && self.phases.iter().all(finds_enough)
            && self.chaos.as_ref().is_none_or(keeps_all)
    }

    /// Writes the files; a later run of the same name replaces them.
    pub(crate) fn save(&self, args: &Args) -> anyhow::Result<Files> {
        let dir = &args.report_dir;
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
        let by_date = || format!("multitier_{}", self.date.strftime("%Y-%m-%d"));
        let name = args.name.clone().unwrap_or_else(by_date);
        let charts = if args.charts { charts::of(self) } else { Vec::new() };
        let chart_names: Vec<_> = charts.iter().map(|chart| (chart.title, chart.file_name(&name))).collect();
        let mut files = vec![
            (dir.join(format!("{name}.json")), serde_json::to_string_pretty(self)? + "\n"),
            (dir.join(format!("{name}.md")), self.to_markdown(&chart_names)),
        ];
        files.extend(charts.iter().map(|chart| (dir.join(chart.file_name(&name)), chart.svg.clone())));
        for (path, text) in &files {
            fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(Files(files.into_iter().map(|(path, _)| path).collect()))
    }

    /// Says on standard output what came of the run.
    pub(crate) fn print(&self, as_json: bool, files: &Files) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        if as_json {
            serde_json::to_writer_pretty(&mut out, self)?;
            return Ok(writeln!(out)?);
        }
        writeln!(out, "{}", self.summary())?;
        let files: Vec<_> = files.0.iter().map(|file| file.display().to_string()).collect();
        Ok(writeln!(out, "Written to {}.", files.join(", "))?)
    }
}
