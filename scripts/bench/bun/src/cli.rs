//! What the command line takes.

use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_kit::machine::{Build, CpuWatch, Machine};
use clap::{Args, Parser};
use lakectl::corpus;
use serde::Serialize;

use crate::front_end::FrontEnd;
use crate::report::Record;
use crate::stack::Stack;
use crate::{rates, report};

const EXAMPLES: &str = "\
Examples:
  bench-bun --bun PROGRAM                          seven minutes; reports/bench/bun.json and .md
  bench-bun --bun PROGRAM --workers 200 --rounds 2 --seconds 1 --out /tmp/look

`make prove-bun` builds it, installs Bun, and runs it.";

/// Measures searches through the Bun front end beside the same at the gateway.
#[derive(Debug, Parser)]
#[command(name = "bench-bun", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// The Bun that runs the front end.
    #[arg(long, value_name = "PROGRAM")]
    bun: PathBuf,
    /// The front end's program.
    #[arg(long, default_value = "scripts/cutover/bun/server.ts", value_name = "FILE")]
    server: PathBuf,
    /// Where the record and its page go.
    #[arg(long, default_value = "reports/bench", value_name = "DIR")]
    out: PathBuf,
    /// The folder of the daemons. Default: that of this program.
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    #[command(flatten)]
    plan: Plan,
}

/// What is done, how often and for how long.
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Plan {
    /// Workers that are searched.
    #[arg(long, default_value_t = 5000)]
    pub(crate) workers: u64,
    /// Different searches.
    #[arg(long, default_value_t = 200)]
    pub(crate) queries: usize,
    /// How often the gateway and the front end have their turns, at each number of callers.
    #[arg(long, default_value_t = 8)]
    pub(crate) rounds: usize,
    /// How long each turn takes.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let own = std::env::current_exe().context("find this program")?;
        let beside = own.parent().map(Path::to_owned).unwrap_or_default();
        let binaries = self.binaries.unwrap_or(beside);
        let (machine, build, watch) = (Machine::look(), Build::look(), CpuWatch::start());
        let workers: Vec<corpus::Worker> = corpus::workers(self.plan.workers, 1)?.collect();
        let stack = Stack::start(&binaries)?;
        stack.load(&workers)?;
        let front_end = FrontEnd::start(&self.bun, &self.server, stack.gateway.address())?;
        let rates = rates::measure(&self.plan, &workers, stack.gateway.address(), &front_end)?;
        let measured = report::Measured { bun: front_end.version()?, memory: front_end.memory()?, rates };
        // What they took counts as ours once they have ended.
        drop((front_end, stack));
        Record::new(self.plan, machine, build, watch.others(), measured).save(&self.out)
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
