//! What the command line takes.

use std::env;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use tempfile::TempDir;

use crate::memory::MemoryArgs;
use crate::rate::RateArgs;
use crate::report;

const EXAMPLES: &str = "\
Examples:
  bench-ingest rate                          five rounds of both tables
  bench-ingest rate --megabytes 50 --rounds 1 --out /tmp/look
  bench-ingest memory --megabytes 5000
  bench-ingest report                        reports/bench/INGEST.md from what was measured

The evaluation data are found by --data or LAKEHOUSE_EVAL_DATA; `make prove-ingest` installs DuckDB, builds and runs all.
Nothing else should run on the machine meanwhile: each record says what others took of its CPUs.";

/// Measures ingest over HTTP beside DuckDB's COPY.
#[derive(Debug, Parser)]
#[command(name = "bench-ingest", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    tools: Tools,
    #[command(subcommand)]
    command: Command,
}

/// Where things are on this machine.
#[derive(Debug, Args)]
pub(crate) struct Tools {
    /// The folder of the evaluation data.
    #[arg(
        long,
        global = true,
        env = "LAKEHOUSE_EVAL_DATA",
        default_value = "../shared/data",
        value_name = "DIR"
    )]
    pub(crate) data: PathBuf,
    /// Where the records go.
    #[arg(long, global = true, default_value = "reports/bench", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Where bodies and tables are kept while they are measured, up to 10 GB: a disk. Default: the temporary folder.
    #[arg(long, global = true, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// The folder of the daemons. Default: that of this program.
    #[arg(long, global = true, value_name = "DIR")]
    binaries: Option<PathBuf>,
}

impl Tools {
    /// A folder that is gone when this is dropped.
    pub(crate) fn scratch(&self) -> anyhow::Result<TempDir> {
        let parent = self.scratch.clone().unwrap_or_else(env::temp_dir);
        let folder = tempfile::Builder::new().prefix("bench-ingest-").tempdir_in(&parent);
        folder.with_context(|| format!("create a folder in {}", parent.display()))
    }

    /// The executable of a daemon.
    pub(crate) fn binary(&self, name: &str) -> anyhow::Result<PathBuf> {
        let own = env::current_exe().context("find this program")?;
        let beside = own.parent().map(std::path::Path::to_owned).unwrap_or_default();
        let path = self.binaries.clone().unwrap_or(beside).join(name);
        anyhow::ensure!(path.is_file(), "{} is missing: `make prove-ingest` builds it", path.display());
        Ok(path)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Megabytes a second of ingestd and of DuckDB, in turn.
    Rate(RateArgs),
    /// The peak memory of ingestd under one large body.
    Memory(MemoryArgs),
    /// Write INGEST.md from the records.
    Report,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Rate(plan) => report::record(&self.tools.out, || plan.measure(&self.tools)),
            Command::Memory(plan) => report::record(&self.tools.out, || plan.measure(&self.tools)),
            Command::Report => report::write(&self.tools.out),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
