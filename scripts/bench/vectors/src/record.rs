//! What a measurement leaves behind: one JSON file with all that is needed to believe or to repeat it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
pub(crate) use bench_kit::bar::Bar;
use bench_kit::machine::{Build, CpuOfOthers, CpuWatch, Machine};
use bench_kit::table::Table;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::measure::Plan;
use crate::tools::Tools;

/// Something that is measured: its results, and how they are read.
pub(crate) trait Measurement: Serialize + DeserializeOwned {
    /// The command, and in the names of files.
    const NAME: &'static str;
    /// Above its tables.
    const TITLE: &'static str;

    /// The figures that somebody asked for, beside what was asked.
    fn bars(&self) -> Vec<Bar>;

    /// All figures.
    fn sections(&self) -> Vec<Section>;
}

/// A table, and what to know when reading it.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) table: Table,
    pub(crate) note: String,
}

/// The file of a measurement.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record<M> {
    /// [`Measurement::NAME`].
    pub(crate) measurement: String,
    /// When it ended.
    pub(crate) date: Timestamp,
    pub(crate) elapsed_s: f64,
    /// On a slice of the data: a look whether everything runs, and no figure to quote.
    pub(crate) is_quick: bool,
    pub(crate) settings: Value,
    pub(crate) machine: Machine,
    pub(crate) build: Build,
    /// What took the machine's time beside the measurement.
    pub(crate) others: Option<CpuOfOthers>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) results: M,
}

/// How records are made and where they go.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) is_json: bool,
}

impl Recorder<'_> {
    /// Measures, writes the record, and says on standard output what came of it.
    pub(crate) fn run<P: Plan>(&self, plan: P, tools: &Tools) -> anyhow::Result<()> {
        let plan = if tools.is_quick { plan.quick() } else { plan };
        let (machine, build, watch) = (Machine::look(), Build::look(), CpuWatch::start());
        let started = Instant::now();
        let results = plan.measure(tools).with_context(|| format!("measure {}", P::Results::NAME))?;
        let record = Record {
            measurement: P::Results::NAME.to_owned(),
            date: Timestamp::now(),
            elapsed_s: started.elapsed().as_secs_f64(),
            is_quick: tools.is_quick,
            settings: serde_json::to_value(&plan)?,
            machine,
            build,
            others: watch.others(),
            bars: results.bars(),
            results,
        };
        let file = record.save(self.folder)?;
        let mut out = io::stdout().lock();
        if self.is_json {
            serde_json::to_writer_pretty(&mut out, &record)?;
            return Ok(writeln!(out)?);
        }
        writeln!(out, "{}", crate::report::page(&record))?;
        Ok(writeln!(out, "Written to {}.", file.display())?)
    }
}

impl<M: Measurement> Record<M> {
    fn file(folder: &Path) -> PathBuf {
        folder.join(format!("vectors_{}.json", M::NAME))
    }

    /// Replaces the record of an earlier run.
    fn save(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let file = Self::file(folder);
        let json = serde_json::to_string_pretty(self)? + "\n";
        fs::write(&file, json).with_context(|| format!("write {}", file.display()))?;
        Ok(file)
    }

    /// `None` if this was not measured.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let file = Self::file(folder);
        let read = || match fs::read(&file) {
            Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(anyhow::Error::new(error)),
        };
        read()
            .with_context(|| format!("read {}; measure it again if its form is an older one", file.display()))
    }
}
