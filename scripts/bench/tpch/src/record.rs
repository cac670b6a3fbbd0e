//! What a run leaves behind: all that is needed to believe or to repeat it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use bench_kit::bar::Bar;
use bench_kit::machine::{Build, CpuOfOthers, Machine};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engines::Engine;
use crate::measure::Figures;

const FILE: &str = "tpch.json";
/// The bound of the issue on the time of queryd, of DuckDB's.
const DUCKDB_BAR: f64 = 1.3;
/// The bound on the time of queryd, of the engine's in process.
const OVERHEAD_BAR: f64 = 1.05;

/// The record of one run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// When it ended.
    pub(crate) date: Timestamp,
    pub(crate) elapsed_s: f64,
    pub(crate) scale: f64,
    pub(crate) threads: usize,
    pub(crate) memory_bytes: usize,
    pub(crate) rounds: usize,
    pub(crate) cold_rounds: usize,
    pub(crate) machine: Machine,
    pub(crate) build: Build,
    /// What took the machine's time beside the measurement.
    pub(crate) others: Option<CpuOfOthers>,
    pub(crate) versions: BTreeMap<Engine, String>,
    /// Size of the tables' files, bytes.
    pub(crate) data_bytes: u64,
    pub(crate) figures: Vec<Figures>,
}

/// Footers and pages in memory, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heat {
    Hot,
    Cold,
}

impl Record {
    /// The time of `engine` on a query, of that of `base`.
    pub(crate) fn ratio(figures: &Figures, heat: Heat, engine: Engine, base: Engine) -> Option<f64> {
        let spreads = match heat {
            Heat::Hot => &figures.hot,
            Heat::Cold => &figures.cold,
        };
        Some(spreads.get(&engine)?.median / spreads.get(&base)?.median)
    }

    /// The geometric mean of it over all queries.
    pub(crate) fn mean_ratio(&self, heat: Heat, engine: Engine, base: Engine) -> Option<f64> {
        let ratios = self.figures.iter().map(|figures| Self::ratio(figures, heat, engine, base));
        geometric_mean(&ratios.collect::<Option<Vec<_>>>()?)
    }

    /// What was asked for.
    pub(crate) fn bars(&self) -> Vec<Bar> {
        let (ours, duckdb) = (Engine::QuerydArrow, Engine::Duckdb);
        let ratio = |heat| self.mean_ratio(heat, ours, duckdb);
        let overhead = self.mean_ratio(Heat::Hot, ours, Engine::InProcess);
        let (queries, agreed) =
            (self.figures.len(), self.figures.iter().filter(|figures| figures.is_agreed()));
        vec![
            Bar::at_most("queryd (Arrow) of DuckDB, hot, geometric mean", " x", DUCKDB_BAR, ratio(Heat::Hot)),
            Bar::at_most(
                "queryd (Arrow) of DuckDB, cold, geometric mean",
                " x",
                DUCKDB_BAR,
                ratio(Heat::Cold),
            ),
            Bar::at_most(
                "queryd (Arrow) of the engine in process, hot, geometric mean",
                " x",
                OVERHEAD_BAR,
                overhead,
            ),
            Bar::at_least(
                "queries on which all engines agree",
                "",
                queries as f64,
                Some(agreed.count() as f64),
            ),
        ]
    }

    /// Replaces the record of an earlier run.
    pub(crate) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let file = folder.join(FILE);
        fs::write(&file, serde_json::to_string_pretty(self)? + "\n")
            .with_context(|| format!("write {}", file.display()))
    }

    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(FILE);
        let read = || -> anyhow::Result<Self> { Ok(serde_json::from_slice(&fs::read(&file)?)?) };
        read().with_context(|| format!("read {}; `bench-tpch run` writes it", file.display()))
    }
}

/// None of nothing.
pub(crate) fn geometric_mean(ratios: &[f64]) -> Option<f64> {
    let logarithms: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
    (!ratios.is_empty()).then(|| (logarithms / ratios.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_as_fast_and_twice_as_slow_are_even() {
        assert!((geometric_mean(&[2.0, 0.5]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(geometric_mean(&[]), None);
    }
}
