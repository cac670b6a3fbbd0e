//! Where a verdict goes: a page with the evidence, a row in the log of all verdicts, and JSON.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;

use crate::{Outcome, Output, SideEvidence, Verdict};

const LOG: &str = "PARITY.md";
const LOG_HEAD: &str = "# What answers alike\n\nWritten by `parity`; not edited by hand. A row for each probe that ran, the last one at \
                        the end. SKIPPED: a side could not be reached, and nothing is known.\n\n\
                        | date | probe | left | right | verdict | alike | notes | evidence |\n|---|---|---|---|---|---|---|---|\n";

/// Writes all of it, each file by one rename, and says how it went.
pub(crate) fn write(verdict: &Verdict, output: &Output) -> anyhow::Result<()> {
    let folder = &output.report_dir;
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let day = verdict.date.split('T').next().unwrap_or_default();
    let name = output.name.clone().unwrap_or_else(|| format!("{}_parity_{day}", verdict.probe));
    let page = format!("{name}.md");
    replace(folder, &page, &to_markdown(verdict))?;
    log(folder, &row(verdict, &page))?;
    let mut out = io::stdout().lock();
    if output.json {
        serde_json::to_writer_pretty(&mut out, verdict)?;
        writeln!(out)?;
    } else {
        let cause = verdict.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        let (alike, all) = (verdict.alike(), verdict.rows.len());
        writeln!(out, "{} {}: {alike}/{all} alike{cause}", verdict.outcome.as_str(), verdict.probe)?;
        writeln!(out, "written to {}", folder.join(page).display())?;
    }
    Ok(())
}

fn log(folder: &Path, row: &str) -> anyhow::Result<()> {
    let path = folder.join(LOG);
    let before = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => LOG_HEAD.to_owned(),
        text => text.with_context(|| format!("read {}", path.display()))?,
    };
    replace(folder, LOG, &link_last(&format!("{before}{row}")))
}

/// The log with one link to each page: a page of the same name as an earlier one has replaced it, and says nothing of that run.
fn link_last(log: &str) -> String {
    let mut linked = HashSet::new();
    let mut lines: Vec<Cow<'_, str>> = Vec::new();
    for line in log.lines().rev() {
        let link = line.strip_suffix(" |").and_then(|cells| Some(cells.rsplit_once(" | ")?.1));
        lines.push(match link.filter(|link| link.starts_with('[') && !linked.insert(*link)) {
            Some(link) => line.replace(link, "replaced by a later run").into(),
            None => line.into(),
        });
    }
    lines.iter().rev().map(|line| format!("{line}\n")).collect()
}

fn row(verdict: &Verdict, page: &str) -> String {
    let side = |side: &SideEvidence| format!("{} ({})", side.url, side.shape);
    let [left, right] = &verdict.sides;
    format!(
        "| {} | {} | {} | {} | {} | {}/{} | {} | [{page}]({page}) |\n",
        verdict.date,
        verdict.probe,
        side(left),
        side(right),
        mark(verdict.outcome),
        verdict.alike(),
        verdict.rows.len(),
        cell(verdict.cause.as_deref().unwrap_or_default())
    )
}

/// To be found at a glance.
fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "🟢 PASS",
        Outcome::Fail => "🔴 FAIL",
        Outcome::Skipped => "⚪ SKIPPED",
    }
}

fn replace(folder: &Path, name: &str, text: &str) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> {
        let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(folder.join(name))?;
        Ok(())
    };
    write().with_context(|| format!("write {}", folder.join(name).display()))
}

/// A report is for everybody to read.
fn permissions() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

fn to_markdown(verdict: &Verdict) -> String {
    let Verdict { probe, date, outcome, cause, method, sides, rows, remarks } = verdict;
    let mut page = format!(
        "# Parity of `{probe}`: {} ({}/{})\n\nWritten by `parity`; not edited by hand. {date}. {method}\n\n",
        outcome.as_str(),
        verdict.alike(),
        rows.len()
    );
    if let Some(cause) = cause {
        page += &format!("**Why:** {}\n\n", cell(cause));
    }
    page += "| side | endpoint | shape | states | took ms |\n|---|---|---|---|---|\n";
    for (name, side) in ["left", "right"].iter().zip(sides) {
        let took = side.took_ms.map_or_else(|| "-".to_owned(), |took| format!("{took:.1}"));
        page += &format!("| {name} | {} | {} | `{}` | {took} |\n", side.url, side.shape, side.stated);
    }
    if !rows.is_empty() {
        page += "\n| case | figure | | evidence |\n|---|---|---|---|\n";
    }
    for row in rows {
        let verdict = if row.is_alike { "alike" } else { "**differs**" };
        let (case, evidence) = (cell(&row.case), cell(&row.evidence.to_string()));
        page += &format!("| {case} | {:.7} | {verdict} | `{evidence}` |\n", row.figure);
    }
    page += "\n";
    for remark in remarks {
        page += &format!("- {remark}\n");
    }
    for (name, side) in ["left", "right"].iter().zip(sides) {
        page += &format!("\nSent to the {name}:\n\n```json\n{}\n```\n", side.request);
    }
    page
}

/// A text that cannot end its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_run_is_linked_to_the_page_that_all_of_its_name_have_had() {
        let row = |time: &str, page: &str| format!("| {time} | sql | | [{page}]({page}) |\n");
        let log = [LOG_HEAD, &row("1", "a.md"), &row("2", "b.md"), &row("3", "a.md")].concat();
        let first = "| 1 | sql | | replaced by a later run |\n";
        let linked = [LOG_HEAD, first, &row("2", "b.md"), &row("3", "a.md")].concat();
        assert_eq!(link_last(&log), linked);
        assert_eq!(link_last(&linked), linked);
    }
}
