//! What the command line takes.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_kit::machine::{Build, CpuWatch, Machine};
use clap::Parser;

use crate::measure::{Plan, measure};
use crate::report::Record;

const EXAMPLES: &str = "\
Examples:
  bench-embed                                      seven minutes; reports/bench/embed.json and .md
  bench-embed --rounds 1 --seconds 10 --out /tmp/look

`make prove-embed` builds and runs it.";

/// Measures single queries to embedd, idle and under full bulk load.
#[derive(Debug, Parser)]
#[command(name = "bench-embed", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Where the record and its page go.
    #[arg(long, default_value = "reports/bench", value_name = "DIR")]
    out: PathBuf,
    /// The folder of the daemons. Default: that of this program.
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    #[command(flatten)]
    plan: Plan,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let own = std::env::current_exe().context("find this program")?;
        let beside = own.parent().map(Path::to_owned).unwrap_or_default();
        let binaries = self.binaries.unwrap_or(beside);
        let (machine, build, watch) = (Machine::look(), Build::look(), CpuWatch::start());
        let rounds = measure(&self.plan, &binaries)?;
        Record::new(self.plan, machine, build, watch.others(), rounds).save(&self.out)
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
