//! `VECTORS.md`: the records as people read them, with the bars of the issue beside the figures.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_kit::bar::bar_table;
use bench_kit::table::megabytes;

use crate::measure::build::BuildResults;
use crate::measure::filters::FilterResults;
use crate::measure::http::HttpResults;
use crate::measure::many::ManyResults;
use crate::measure::memory::MemoryResults;
use crate::measure::mixed::MixedResults;
use crate::measure::rss::RssResults;
use crate::measure::search::SearchResults;
use crate::record::{Bar, Measurement, Record};

const PAGE: &str = "VECTORS.md";
/// Written by people, included as it is: why a bar is missed, with the profile.
const REMARKS: &str = "vectors_remarks.md";

const INTRODUCTION: &str = "\
# Vector search, measured

Written by `bench-vectors report` from the JSON files beside it, which `make prove-vectors` writes; not edited by hand. Figures \
of different machines do not compare: what counts is the distance to hnswlib, which is measured in the same run.
";

/// Writes the page from the records in `folder`.
pub(crate) fn write(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut chapters = Chapters { folder, bars: Vec::new(), text: String::new() };
    chapters.add::<SearchResults>()?;
    chapters.add::<BuildResults>()?;
    chapters.add::<MemoryResults>()?;
    chapters.add::<FilterResults>()?;
    chapters.add::<HttpResults>()?;
    chapters.add::<MixedResults>()?;
    chapters.add::<RssResults>()?;
    chapters.add::<ManyResults>()?;
    let remarks = match fs::read_to_string(folder.join(REMARKS)) {
        Ok(remarks) => format!("\n{}\n", remarks.trim()),
        Err(_) => String::new(),
    };
    let page = format!("{INTRODUCTION}\n## Bars\n\n{}{remarks}{}", bar_table(&chapters.bars), chapters.text);
    let file = folder.join(PAGE);
    fs::write(&file, page).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

struct Chapters<'a> {
    folder: &'a Path,
    bars: Vec<Bar>,
    text: String,
}

impl Chapters<'_> {
    fn add<M: Measurement>(&mut self) -> anyhow::Result<()> {
        let Some(record) = Record::<M>::read(self.folder)? else {
            self.text += &format!("\n## {}\n\nNot measured: run `bench-vectors {}`.\n", M::TITLE, M::NAME);
            return Ok(());
        };
        self.text +=
            &format!("\n## {}\n\n{}\n{}", M::TITLE, circumstances(&record), sections(&record.results));
        self.bars.extend(record.bars);
        Ok(())
    }
}

/// One record on a terminal.
pub(crate) fn page<M: Measurement>(record: &Record<M>) -> String {
    let bars = bar_table(&record.bars);
    format!("{}\n\n{}\n{}\n{bars}", M::TITLE, circumstances(record), sections(&record.results))
}

fn sections<M: Measurement>(results: &M) -> String {
    results.sections().iter().fold(String::new(), |mut text, section| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "\n{}\n\n{}", section.table, section.note);
        text
    })
}

/// When, where and from what.
fn circumstances<M>(record: &Record<M>) -> String {
    let (machine, build) = (&record.machine, &record.build);
    let changes = if build.has_uncommitted_changes == Some(true) { " with uncommitted changes" } else { "" };
    let others = record.others.map_or("unknown".to_owned(), |others| {
        format!(
            "other processes {:.1} %, hypervisor {:.1} %",
            others.other_processes * 100.0,
            others.stolen * 100.0
        )
    });
    let warning =
        if record.is_quick { "**A quick run on a slice of the data: no figures to quote.** " } else { "" };
    format!(
        "{warning}{}, {:.0} s; commit {}{changes}, {}; {} ({}), {} cores, {} MB; CPU taken by others meanwhile: {others}.\n",
        record.date.strftime("%Y-%m-%d %H:%M UTC"),
        record.elapsed_s,
        build.git_commit.as_deref().unwrap_or("unknown"),
        build.profile,
        machine.cpu,
        machine.features.join(" "),
        machine.cores,
        machine.memory_bytes.map_or("unknown".to_owned(), megabytes),
    )
}
