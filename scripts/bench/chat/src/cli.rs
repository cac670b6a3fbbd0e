//! What the command line takes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use bench_kit::machine::{Build, CpuWatch, Machine};
use clap::{Args, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;
use tokio::runtime::{Builder, Runtime};

use crate::latency::{self, Shape};
use crate::report::{Measured, Record};
use crate::{held, instructions, leak, mock};

const EXAMPLES: &str = "\
Examples:
  bench-chat                                       26 minutes; reports/bench/chat.json, .md and .svg
  bench-chat --rounds 1 --seconds 2 --leak 20 --out /tmp/look
  bench-chat --json | jq .bars
  bench-chat instructions                          half a minute, however busy the machine is
  taskset -c 0,1 bench-chat                        on two cores of a machine that has more

`make prove-chat` builds and runs it.";

/// Measures what chatd adds to a model's answers, its memory under many streams, and whether aborts leak.
#[derive(Debug, Parser)]
#[command(name = "bench-chat", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Where the record, its page and its charts go.
    #[arg(long, default_value = "reports/bench", value_name = "DIR")]
    out: PathBuf,
    /// The folder of the daemons. Default: that of this program.
    #[arg(long, global = true, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// Print the record as one JSON object on standard output.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    plan: Plan,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The mock of OpenAI's interface alone, until it is killed.
    Mock(mock::Options),
    /// Counts the instructions that chatd executes for an answer, with valgrind: half a minute, however busy the machine is.
    Instructions(instructions::Options),
}

/// What is done, how often and for how long.
#[derive(Debug, Clone, Args, Serialize)]
pub(crate) struct Plan {
    /// How often the mock and chatd have their turns.
    #[arg(long, default_value_t = 8)]
    pub(crate) rounds: usize,
    /// How long each turn takes.
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// How long the highest rate is looked for at each number of callers, seconds.
    #[arg(long, default_value_t = 4.0, value_name = "SECONDS")]
    pub(crate) sweep: f64,
    /// Tokens in an answer.
    #[arg(long, default_value_t = 32)]
    pub(crate) tokens: u32,
    /// Streams that are open at once; 0 leaves this part out.
    #[arg(long, default_value_t = 1000)]
    pub(crate) streams: usize,
    /// How long they are all open, seconds.
    #[arg(long, default_value_t = 20.0, value_name = "SECONDS")]
    pub(crate) hold: f64,
    /// How long streams are broken off at random, seconds; 0 leaves this part out.
    #[arg(long, default_value_t = 600.0, value_name = "SECONDS")]
    pub(crate) leak: f64,
    /// How long chatd has to close its sockets afterwards, seconds: it keeps unused connections to providers for up to three minutes.
    #[arg(long, default_value_t = 200.0, value_name = "SECONDS")]
    pub(crate) settle: f64,
    /// Callers of streams that are broken off.
    #[arg(long, default_value_t = 64)]
    pub(crate) leak_callers: usize,
    /// Of what is drawn at random: how long those streams are, and which are broken off by whom.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        allow_all_files_that_may_be_open()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let own = std::env::current_exe().context("find this program")?;
        let beside = own.parent().map(Path::to_owned).unwrap_or_default();
        let binaries = self.binaries.unwrap_or(beside);
        match self.command {
            Some(Command::Mock(options)) => return runtime.block_on(mock::run(&options)),
            Some(Command::Instructions(options)) => return instructions::run(&options, &binaries),
            None => {}
        }
        let (machine, build, watch) = (Machine::look(), Build::look(), CpuWatch::start());
        let measured = measure(&self.plan, &binaries, &runtime)?;
        let record = Record::new(self.plan, machine, build, watch.others(), measured);
        record.save(&self.out)?;
        if self.json {
            serde_json::to_writer_pretty(io::stdout().lock(), &record)?;
            writeln!(io::stdout())?;
        }
        Ok(())
    }
}

fn measure(plan: &Plan, binaries: &Path, runtime: &Runtime) -> anyhow::Result<Measured> {
    Ok(Measured {
        whole: latency::measure(plan, binaries, Shape::Whole)?,
        streamed: latency::measure(plan, binaries, Shape::Streamed)?,
        held: (plan.streams > 0).then(|| held::measure(plan, binaries, runtime)).transpose()?,
        leak: (plan.leak > 0.0).then(|| leak::measure(plan, binaries, runtime)).transpose()?,
    })
}

/// A thousand streams take more than the soft limit of most systems.
fn allow_all_files_that_may_be_open() -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .context("raise the limit of open files")
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
