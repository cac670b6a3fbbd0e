//! What an audit has found.

use std::fs;
use std::path::Path;

use anyhow::Context;
use distillation::Metrics;
use jiff::Timestamp;
use serde::Serialize;

use super::acceptance::Golden;
use super::check::{Check, REQUIRED, all_passed};
use super::drift::Drift;
use super::markdown;
use super::replay::Replay;

/// The name of the report's files, without their endings.
const NAME: &str = "audit_full";

/// All that an audit has found, as `audit_full.json` has it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    /// Whether every required check passed.
    pub(super) passed: bool,
    /// How many of them.
    pub(super) checks_passed: usize,
    pub(super) checks_required: usize,
    /// When the audit began.
    pub(super) time: Timestamp,
    pub(super) took_s: f64,
    /// The commit of the checkout in which it was made.
    pub(super) git_commit: Option<String>,
    /// The stack that was asked.
    pub(super) gateway: String,
    /// The name of the run that was audited.
    pub(super) run: Option<String>,
    /// In the order in which they were made.
    pub(super) checks: Vec<Check>,
    /// The counts of the run.
    pub(super) metrics: Option<Metrics>,
    /// The counts beside the last baseline.
    pub(super) drift: Option<Drift>,
    pub(super) golden: Vec<Golden>,
    pub(super) replay: Option<Replay>,
    /// Whether the counts were appended to the log of baselines.
    pub(super) baseline_appended: bool,
}

impl Report {
    pub(super) fn new(gateway: &str) -> Self {
        Self {
            passed: false,
            checks_passed: 0,
            checks_required: REQUIRED.len(),
            time: Timestamp::now(),
            took_s: 0.0,
            git_commit: super::git_commit(),
            gateway: gateway.to_owned(),
            run: None,
            checks: Vec::new(),
            metrics: None,
            drift: None,
            golden: Vec::new(),
            replay: None,
            baseline_appended: false,
        }
    }

    /// Adds up the checks.
    pub(super) fn conclude(&mut self) {
        self.passed = all_passed(&self.checks);
        self.checks_passed = self.checks.iter().filter(|check| check.passed).count();
    }

    /// Writes the report into `folder`, for people and for programs.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        for (ending, content) in [("json", json), ("md", markdown::render(self))] {
            let path = folder.join(NAME).with_extension(ending);
            fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        }
        Ok(())
    }
}
