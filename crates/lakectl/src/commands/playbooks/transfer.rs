//! Playbooks out to NDJSON and in again.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::pin::pin;

use anyhow::{Context, bail};
use futures::TryStreamExt;
use wire::playbooks::{ImportReport, RejectedLine};

use super::PATIENCE;
use crate::output;
use crate::session::Session;

/// Lines of one request: each is answered before the next is sent, so that the bar moves.
const LINES_PER_REQUEST: usize = 1024;

pub(super) async fn export(session: &Session, file: Option<&Path>) -> anyhow::Result<()> {
    let mut out: Box<dyn Write> = match file {
        Some(path) => Box::new(File::create(path).with_context(|| format!("create {}", path.display()))?),
        None => Box::new(io::stdout().lock()),
    };
    let mut lines = pin!(session.peers.matrixd().export_playbooks(&session.call(PATIENCE)).await?);
    while let Some(piece) = lines.try_next().await? {
        out.write_all(&piece)?;
    }
    Ok(out.flush()?)
}

pub(super) async fn import(session: &Session, path: &Path, as_json: bool) -> anyhow::Result<()> {
    let open = || File::open(path).map(BufReader::new).with_context(|| format!("open {}", path.display()));
    let total = open()?.split(b'\n').try_fold(0, |lines, line| line.map(|_| lines + 1))?;
    let bar = output::bar(total, "lines");
    let (mut all, mut before) = (ImportReport::default(), 0);
    let mut lines = open()?.split(b'\n');
    loop {
        let (mut body, mut count) = (Vec::new(), 0);
        for line in lines.by_ref().take(LINES_PER_REQUEST) {
            body.extend(line?);
            body.push(b'\n');
            count += 1;
        }
        if count == 0 {
            break;
        }
        let report = session.peers.matrixd().import_playbooks(&session.call(PATIENCE), body).await?;
        add(&mut all, report, before);
        before += count;
        bar.inc(count);
    }
    bar.finish_and_clear();
    say(&all, as_json)
}

/// Adds the report on lines that stand after `before` others in the file.
fn add(all: &mut ImportReport, report: ImportReport, before: u64) {
    all.recorded += report.recorded;
    all.indexed += report.indexed;
    all.rejected += report.rejected;
    let moved = report.rejects.into_iter();
    all.rejects.extend(moved.map(|reject| RejectedLine { line: reject.line + before, ..reject }));
}

fn say(report: &ImportReport, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::json(report)?;
    } else {
        for RejectedLine { line, reason } in &report.rejects {
            output::line(format!("line {line}: {reason}"))?;
        }
        let later = report.recorded - report.indexed;
        let later = if later == 0 { String::new() } else { format!(", {later} of them indexed later") };
        output::line(format!("{} lines are recorded{later}, {} refused", report.recorded, report.rejected))?;
    }
    if report.rejected > 0 {
        bail!("{} lines were refused", report.rejected);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_lines_are_numbered_as_in_the_file() {
        let report = |line| ImportReport {
            recorded: 2,
            indexed: 1,
            rejected: 1,
            rejects: vec![RejectedLine { line, reason: "r".into() }],
        };
        let mut all = ImportReport::default();
        add(&mut all, report(3), 0);
        add(&mut all, report(2), 1024);
        assert_eq!((all.recorded, all.indexed, all.rejected), (4, 2, 2));
        assert_eq!(all.rejects.iter().map(|reject| reject.line).collect::<Vec<_>>(), [3, 1026]);
    }
}
