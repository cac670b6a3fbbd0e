//! What was done and what went wrong, for `reports/bench/lake_faults.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::faults::Fault;

/// Counts over all seeds.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) seeds: u64,
    /// Seeds under which something was lost, doubled or halved, or a file was missing.
    pub(crate) failed_seeds: Vec<u64>,
    pub(crate) rows_acknowledged: u64,
    pub(crate) deletions_acknowledged: u64,
    /// Compactions and expiries that were answered with 200.
    pub(crate) maintenance_done: u64,
    /// Requests of clients, repetitions included.
    pub(crate) requests: u64,
    /// How often a daemon was started.
    pub(crate) starts: u64,
    /// How often what went wrong.
    pub(crate) faults: BTreeMap<Fault, u64>,
}

impl Report {
    /// Takes another run in.
    pub(crate) fn add(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.failed_seeds.extend(other.failed_seeds);
        self.rows_acknowledged += other.rows_acknowledged;
        self.deletions_acknowledged += other.deletions_acknowledged;
        self.maintenance_done += other.maintenance_done;
        self.requests += other.requests;
        self.starts += other.starts;
        for (fault, count) in other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
    }

    /// Writes it with the machine and the build.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let whole = serde_json::json!({
            "machine": bench_kit::machine::Machine::look(),
            "build": bench_kit::machine::Build::look(),
            "losses": self.failed_seeds.len(),
            "simulation": self,
        });
        Ok(std::fs::write(path, serde_json::to_string_pretty(&whole)? + "\n")?)
    }
}
