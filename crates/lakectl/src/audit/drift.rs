//! `lakectl audit drift`: the counts of a run beside those of the last baseline.

use std::path::PathBuf;

use anyhow::Context;
use comfy_table::Table;
use distillation::{Baseline, DriftLine, Metrics, build_audit_drift_table, load_last_baseline};
use serde::Serialize;
use serde_json::json;

use super::KnowledgeBase;
use super::collect::shown;
use crate::output;

/// Arguments of `lakectl audit drift`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The run; the newest one if absent.
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    #[command(flatten)]
    tolerance: Tolerance,
    #[command(flatten)]
    kb: KnowledgeBase,
}

/// What counts as drift.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Tolerance {
    /// Changes up to this part of a count are no drift.
    #[arg(long = "tolerance", value_name = "PART", default_value_t = 0.1)]
    part: f64,
}

/// Counts then and now.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Drift {
    /// The last baseline; none if there is none.
    pub(super) baseline: Option<Baseline>,
    pub(super) tolerance: f64,
    /// One line a metric.
    pub(super) lines: Vec<DriftLine>,
}

pub(super) fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let folder = args.kb.find(args.run.as_deref())?;
    let folder = folder.context("there is no run yet; `lakectl audit collect` makes one")?;
    let drift = Drift::of(&args.kb, &folder.receipt()?.metrics, args.tolerance)?;
    if as_json {
        return output::json(&json!({"run": folder.path(), "drift": drift}));
    }
    output::line(drift.table().to_string())?;
    output::line(drift.against())
}

impl Drift {
    pub(super) fn of(kb: &KnowledgeBase, now: &Metrics, tolerance: Tolerance) -> anyhow::Result<Self> {
        let baseline = load_last_baseline(&kb.baselines()).context("read the last baseline")?;
        let before = baseline.as_ref().map(|baseline| baseline.metrics).unwrap_or_default();
        let lines = build_audit_drift_table(&before, now, tolerance.part);
        Ok(Self { baseline, tolerance: tolerance.part, lines })
    }

    /// One line a metric: then, now, the change in percent, and whether that is drift.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let row = |line: &DriftLine| {
            let change = line.relative.map_or_else(String::new, |part| format!("{:+.1} %", part * 100.0));
            let is_drift = if line.is_drift { "drift" } else { "" };
            vec![line.metric.to_owned(), shown(line.before), shown(line.now), change, is_drift.to_owned()]
        };
        self.lines.iter().map(row).collect()
    }

    pub(super) fn table(&self) -> Table {
        output::table(&["metric", "baseline", "now", "change", ""], self.rows(), &[1, 2, 3])
    }

    /// What the counts are held against, and what came of it.
    pub(super) fn against(&self) -> String {
        let Some(baseline) = &self.baseline else {
            return "There is no baseline yet; `lakectl audit full --append-baseline` writes one.".to_owned();
        };
        let drifted = self.lines.iter().filter(|line| line.is_drift).count();
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "not said".to_owned());
        let time = baseline.time.map_or_else(|| "not said".to_owned(), |time| time.to_string());
        format!(
            "{drifted} of {} metrics drifted by more than {} % from the last baseline (time: {time}, writer: {}, commit: {}).",
            self.lines.len(),
            self.tolerance * 100.0,
            word(&baseline.writer),
            word(&baseline.git_commit)
        )
    }
}
