//! The report of an audit for people.

use super::acceptance::Outcome;
use super::check::{Check, PHASES};
use super::replay::{Changed, Replay};
use super::report::Report;

/// The most changed answers that are listed; the JSON beside the report has all.
const MAX_LISTED: usize = 50;
/// Items of an answer that are shown.
const SHOWN_ITEMS: usize = 5;

/// The whole report.
pub(super) fn render(report: &Report) -> String {
    let sections = [head(report), checks(&report.checks), drift(report), golden(report), replay(report)];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n\n") + "\n"
}

fn head(report: &Report) -> String {
    let verdict = if report.passed { "passed" } else { "failed" };
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "not known".to_owned());
    let baseline =
        if report.baseline_appended { "\nThe counts were appended to the log of baselines." } else { "" };
    format!(
        "# Audit of the knowledge base: {verdict}\n\n\
         {} of {} required checks passed, {} in {:.1} s. Commit {}, stack at {}, run {}.\n\
         Written by `lakectl audit full`; `audit_full.json` beside it has all of it for programs.{baseline}",
        report.checks_passed,
        report.checks_required,
        report.time.strftime("%Y-%m-%d %H:%M:%S UTC"),
        report.took_s,
        known(&report.git_commit),
        report.gateway,
        known(&report.run),
    )
}

fn checks(checks: &[Check]) -> String {
    let row = |check: &Check| {
        let phase = PHASES.get(check.phase).copied().unwrap_or_default();
        let verdict = if check.passed { "pass" } else { "**fail**" };
        vec![
            format!("{} {phase}", check.phase),
            format!("`{}`", check.name),
            verdict.to_owned(),
            check.detail.clone(),
        ]
    };
    let rows = checks.iter().map(row).collect();
    format!("## Checks\n\n{}", table(&["phase", "check", "", "seen"], rows))
}

fn drift(report: &Report) -> String {
    let Some(drift) = &report.drift else { return String::new() };
    let table = table(&["metric", "baseline", "now", "change", ""], drift.rows());
    format!("## Drift\n\n{}\n\n{table}", drift.against())
}

fn golden(report: &Report) -> String {
    if report.golden.is_empty() {
        return String::new();
    }
    let rows = report.golden.iter().map(|golden| {
        let outcome = match golden.outcome {
            Outcome::Held => "holds",
            Outcome::Broken => "**broken**",
            Outcome::LeftOut => "left out",
        };
        vec![golden.name.clone(), outcome.to_owned(), golden.detail.clone().unwrap_or_default()]
    });
    format!("## Golden cases\n\n{}", table(&["case", "", "remark"], rows.collect()))
}

fn replay(report: &Report) -> String {
    let Some(Replay { searches, changed, failed }) = &report.replay else { return String::new() };
    let mut text = format!(
        "## Replay\n\n{searches} searches were recorded with the run and asked again: {} answers changed, {} were not given.",
        changed.len(),
        failed.len()
    );
    if !changed.is_empty() {
        let rows = changed.iter().take(MAX_LISTED).map(changed_row).collect();
        text += &format!("\n\n{}", table(&["query", "role", "before", "now"], rows));
        let left = changed.len().saturating_sub(MAX_LISTED);
        if left > 0 {
            text += &format!("\n\n{left} more are in the JSON.");
        }
    }
    if !failed.is_empty() {
        let rows = failed.iter().map(|failed| vec![failed.query.clone(), failed.reason.clone()]).collect();
        text += &format!("\n\n{}", table(&["query", "why it was not answered"], rows));
    }
    text
}

fn changed_row(changed: &Changed) -> Vec<String> {
    let first = |items: &[String]| {
        let more = if items.len() > SHOWN_ITEMS { ", …" } else { "" };
        items.iter().take(SHOWN_ITEMS).map(String::as_str).collect::<Vec<_>>().join(", ") + more
    };
    let Changed { query, role, before, now } = changed;
    vec![query.clone(), role.clone().unwrap_or_default(), first(before), first(now)]
}

/// A table; what would end a cell is written so that it does not.
fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let cell = |text: String| text.replace('|', "\\|").replace(['\r', '\n'], " ");
    let mut lines = vec![
        line(header.iter().map(|name| (*name).to_owned()).collect()),
        line(vec!["---".to_owned(); header.len()]),
    ];
    lines.extend(rows.into_iter().map(|row| line(row.into_iter().map(cell).collect())));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use distillation::Metrics;

    use super::*;
    use crate::audit::check;

    #[test]
    fn report_names_every_check_every_broken_case_and_every_changed_answer() {
        let mut report = Report::new("http://localhost:4110");
        report.checks = vec![
            Check::of(check::STACK_READY, &Ok("eleven|ready".to_owned())),
            Check::of(check::TESTS_PASS, &Err(anyhow::anyhow!("two\nfailed"))),
        ];
        report.metrics = Some(Metrics::new([1; 10]));
        let changed = Changed {
            query: "forklift".into(),
            role: None,
            before: vec!["workers/1".into(), "workers/2".into()],
            now: vec!["workers/2".into(), "workers/1".into()],
        };
        report.replay = Some(Replay { searches: 3, changed: vec![changed], failed: Vec::new() });
        report.conclude();
        let text = render(&report);
        for expected in [
            "# Audit of the knowledge base: failed",
            "1 of 12 required checks passed",
            "| 0 environment | `stack_ready` | pass | eleven\\|ready |",
            "| 1 tests | `tests_pass` | **fail** | two failed |",
            "3 searches were recorded with the run and asked again: 1 answers changed, 0 were not given.",
            "| forklift |  | workers/1, workers/2 | workers/2, workers/1 |",
        ] {
            assert!(text.contains(expected), "{expected} is not in {text}");
        }
    }
}
