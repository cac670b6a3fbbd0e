//! What a measurement leaves behind: a JSON file with all that is needed to believe or to repeat it, and a page of them.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use bench_kit::machine::{Build, CpuOfOthers, CpuWatch, Machine};
use bench_kit::progress::say;
use bench_kit::table::{Table, megabytes, table};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::memory::MemoryResults;
use crate::rate::RateResults;

const PAGE: &str = "INGEST.md";
/// Written by people, included as it is.
const REMARKS: &str = "ingest_remarks.md";
const INTRODUCTION: &str = "\
# Ingest, measured

Written by `bench-ingest report` from the JSON files beside it, which `make prove-ingest` writes; not edited by hand. Figures \
of different machines do not compare: what counts is the distance to DuckDB, which is measured in the same run.
";

/// What was measured, and how it is read.
pub(crate) trait Results: Serialize + DeserializeOwned {
    /// In the name of the file.
    const NAME: &'static str;
    /// Above the table.
    const TITLE: &'static str;

    /// The figures that somebody asked for, beside what was asked.
    fn bars(&self) -> Vec<Bar>;

    /// All figures.
    fn table(&self) -> Table;

    /// What to know when reading them.
    fn note(&self) -> String;
}

/// A figure and its bound.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) bar: String,
    pub(crate) figure: String,
    pub(crate) is_met: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record<R> {
    /// When it ended.
    date: Timestamp,
    elapsed_s: f64,
    machine: Machine,
    build: Build,
    /// What took the machine's time beside the measurement.
    others: Option<CpuOfOthers>,
    bars: Vec<Bar>,
    results: R,
}

/// Measures, writes the record into `folder`, and says what came of it.
pub(crate) fn record<R: Results>(
    folder: &Path,
    measure: impl FnOnce() -> anyhow::Result<R>,
) -> anyhow::Result<()> {
    let (machine, build, watch) = (Machine::look(), Build::look(), CpuWatch::start());
    let started = Instant::now();
    let results = measure()?;
    let (others, bars) = (watch.others(), results.bars());
    let elapsed_s = started.elapsed().as_secs_f64();
    let record = Record { date: Timestamp::now(), elapsed_s, machine, build, others, bars, results };
    fs::create_dir_all(folder)?;
    let file = folder.join(format!("{}.json", R::NAME));
    fs::write(&file, serde_json::to_string_pretty(&record)? + "\n")
        .with_context(|| format!("write {}", file.display()))?;
    say(&format!("{}\n{}", chapter(&record), bar_table(&record.bars)));
    Ok(())
}

/// Writes the page of all records in `folder`.
pub(crate) fn write(folder: &Path) -> anyhow::Result<()> {
    let (mut bars, mut chapters) = (Vec::new(), String::new());
    add::<RateResults>(folder, &mut bars, &mut chapters)?;
    add::<MemoryResults>(folder, &mut bars, &mut chapters)?;
    let remarks = match fs::read_to_string(folder.join(REMARKS)) {
        Ok(remarks) => format!("\n{}\n", remarks.trim()),
        Err(_) => String::new(),
    };
    let page = format!("{INTRODUCTION}\n## Bars\n\n{}\n{remarks}{chapters}", bar_table(&bars));
    let file = folder.join(PAGE);
    fs::write(&file, page).with_context(|| format!("write {}", file.display()))?;
    say(&format!("Written to {}.", file.display()));
    Ok(())
}

fn add<R: Results>(folder: &Path, bars: &mut Vec<Bar>, chapters: &mut String) -> anyhow::Result<()> {
    let file = folder.join(format!("{}.json", R::NAME));
    if !file.exists() {
        chapters.push_str(&format!("\n## {}\n\nNot measured.\n", R::TITLE));
        return Ok(());
    }
    let record: Record<R> = serde_json::from_str(&fs::read_to_string(&file)?)
        .with_context(|| format!("read {}", file.display()))?;
    chapters.push_str(&chapter(&record));
    bars.extend(record.bars);
    Ok(())
}

fn chapter<R: Results>(record: &Record<R>) -> String {
    let (results, circumstances) = (&record.results, circumstances(record));
    format!("\n## {}\n\n{circumstances}\n\n{}\n\n{}\n", R::TITLE, results.table(), results.note())
}

fn bar_table(bars: &[Bar]) -> Table {
    let row = |bar: &Bar| {
        let verdict = if bar.is_met { "met" } else { "**missed**" };
        [bar.what.clone(), bar.bar.clone(), bar.figure.clone(), verdict.to_owned()]
    };
    table(&["what", "bar", "measured", ""], bars.iter().map(row), 1..=2)
}

/// When, where and from what.
fn circumstances<R>(record: &Record<R>) -> String {
    let (machine, build) = (&record.machine, &record.build);
    let changes = if build.has_uncommitted_changes == Some(true) { " with uncommitted changes" } else { "" };
    let others = record.others.map_or("unknown".to_owned(), |others| {
        format!(
            "other processes {:.1} %, hypervisor {:.1} %",
            others.other_processes * 100.0,
            others.stolen * 100.0
        )
    });
    format!(
        "{}, {:.0} s; commit {}{changes}, {}; {}, {} cores, {} MB; CPU taken by others meanwhile: {others}.",
        record.date.strftime("%Y-%m-%d %H:%M UTC"),
        record.elapsed_s,
        build.git_commit.as_deref().unwrap_or("unknown"),
        build.profile,
        machine.cpu,
        machine.cores,
        machine.memory_bytes.map_or("unknown".to_owned(), megabytes),
    )
}
