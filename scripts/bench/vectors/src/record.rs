//! What a measurement leaves behind: one JSON file with all that is needed to believe or to repeat it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
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

/// A figure and its bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bar {
    /// Of what.
    pub(crate) what: String,
    /// In words.
    pub(crate) bar: String,
    /// In words.
    pub(crate) figure: String,
    /// In the unit of the bar.
    pub(crate) value: Option<f64>,
    pub(crate) is_met: bool,
    /// By which part of the bound it was missed.
    pub(crate) missed_by: Option<f64>,
}

impl Bar {
    /// `value` must be `bound` or more.
    pub(crate) fn at_least(what: impl Into<String>, unit: &str, bound: f64, value: Option<f64>) -> Self {
        Self::new(what.into(), format!(">= {bound}{unit}"), unit, value, |value| value / bound - 1.0)
    }

    /// `value` must be `bound` or less.
    pub(crate) fn at_most(what: impl Into<String>, unit: &str, bound: f64, value: Option<f64>) -> Self {
        Self::new(what.into(), format!("<= {bound}{unit}"), unit, value, |value| 1.0 - value / bound)
    }

    /// `to_spare` is negative for a value that misses.
    fn new(what: String, bar: String, unit: &str, value: Option<f64>, to_spare: impl Fn(f64) -> f64) -> Self {
        let figure = value.map_or("not reached".to_owned(), |value| format!("{}{unit}", significant(value)));
        let to_spare = value.map(to_spare);
        let is_met = to_spare.is_some_and(|to_spare| to_spare >= 0.0);
        let missed_by = to_spare.filter(|_| !is_met).map(|to_spare| -to_spare);
        Self { what, bar, figure, value, is_met, missed_by }
    }

    /// The same, met also by a value that misses by no more than `noise`, a part of the bound.
    pub(crate) fn allowing(mut self, noise: f64) -> Self {
        self.bar = format!("{}, +- {} %", self.bar, noise * 100.0);
        self.is_met |= self.missed_by.is_some_and(|part| part <= noise);
        self.missed_by = self.missed_by.filter(|_| !self.is_met);
        self
    }

    /// The same, saying more of the figure.
    pub(crate) fn with_detail(mut self, detail: &str) -> Self {
        self.figure = format!("{} {detail}", self.figure);
        self
    }
}

/// Three significant digits.
fn significant(value: f64) -> String {
    let decimals = (2 - value.abs().max(1e-3).log10().floor() as i32).clamp(0, 4) as usize;
    format!("{value:.decimals$}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_says_whether_it_is_met_and_by_how_much_it_is_missed() {
        let met = Bar::at_least("rate", " x", 1.5, Some(1.62));
        assert_eq!((met.bar.as_str(), met.figure.as_str(), met.is_met), (">= 1.5 x", "1.62 x", true));
        assert_eq!(met.missed_by, None);
        let missed = Bar::at_most("memory", " MB", 450.0, Some(900.0));
        assert_eq!((missed.is_met, missed.missed_by, missed.figure.as_str()), (false, Some(1.0), "900 MB"));
        let unknown = Bar::at_least("rate", "", 1.0, None);
        assert_eq!(
            (unknown.is_met, unknown.missed_by, unknown.figure.as_str()),
            (false, None, "not reached")
        );
    }

    #[test]
    fn figures_have_three_significant_digits() {
        assert_eq!([0.0123, 1.234, 45.67, 4567.8].map(significant), ["0.0123", "1.23", "45.7", "4568"]);
    }
}
