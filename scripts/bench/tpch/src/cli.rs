//! What the command line takes.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use bench_kit::machine::{Build, CpuWatch, Machine};
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::data;
use crate::engines::{Engine, Running, Setting};
use crate::measure::{Contest, try_settings};
use crate::queries::Query;
use crate::record::Record;
use crate::report;
use crate::stack::{Means, Stack};

const EXAMPLES: &str = "\
Examples:
  bench-tpch run                                         all engines, hot and cold; writes tpch.json and tpch.md
  bench-tpch run --scale 0.1 --rounds 1 --cold-rounds 0 --out /tmp/look
  bench-tpch run --query 17 --query 18 --engine duckdb --engine queryd-arrow --out /tmp/look
  bench-tpch try --set datafusion.execution.batch_size=4096
  bench-tpch report                                      tpch.md from what was measured

`make tpch-peers` installs the peers and the generator of the data. Nothing else should run on the machine meanwhile.";

/// Measures SQL on TPC-H against DuckDB and DataFusion on the same files.
#[derive(Debug, Parser)]
#[command(name = "bench-tpch", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Time all engines on all queries.
    Run(RunArgs),
    /// Time the engine in process with settings of DataFusion that differ from ours.
    Try(TryArgs),
    /// Write tpch.md from the record.
    Report {
        #[command(flatten)]
        out: Out,
    },
}

#[derive(Debug, Args)]
struct Out {
    /// Where the record and the page go.
    #[arg(long, default_value = "reports/bench", value_name = "DIR")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct Common {
    /// A Python that has the peers, with tpchgen-cli beside it.
    #[arg(long, env = "LAKEHOUSE_TPCH_PYTHON", default_value = "python3", value_name = "PROGRAM")]
    python: PathBuf,
    /// Where generated data are kept.
    #[arg(long, env = "LAKEHOUSE_TPCH_CACHE", value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Where the daemons are. Default: beside this program.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// TPC-H's scale factor: 1 is a gigabyte of text.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Threads of each engine.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Memory of each engine, MiB.
    #[arg(long, default_value_t = 1024)]
    memory_mib: usize,
    /// The number of a query; all if none is given.
    #[arg(long = "query", value_name = "NUMBER")]
    queries: Vec<usize>,
    /// Runs of each, the first one of an engine not counted.
    #[arg(long, default_value_t = 7)]
    rounds: usize,
}

#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    out: Out,
    /// Runs of each, cold.
    #[arg(long, default_value_t = 7)]
    cold_rounds: usize,
    /// Who answers; all if none is named.
    #[arg(long = "engine")]
    engines: Vec<Engine>,
}

#[derive(Debug, Args)]
struct TryArgs {
    #[command(flatten)]
    common: Common,
    /// A setting, as `datafusion.execution.batch_size=4096`.
    #[arg(long = "set", value_name = "NAME=VALUE", required = true)]
    settings: Vec<Setting>,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Run(run) => on_threads(&run.common, measure(&run)),
            Command::Try(trial) => on_threads(&trial.common, attempt(&trial)),
            Command::Report { out } => say_page(&out),
        }
    }
}

/// As many threads as the engines have: the one in process shall not have more than its peers.
fn on_threads(common: &Common, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(common.threads).enable_all().build()?.block_on(work)
}

async fn measure(run: &RunArgs) -> anyhow::Result<()> {
    let common = &run.common;
    let (machine, build, watch, started) =
        (Machine::look(), Build::look(), CpuWatch::start(), Instant::now());
    let (mut stack, scratch) = common.start().await?;
    let names = if run.engines.is_empty() { Engine::ALL.to_vec() } else { run.engines.clone() };
    let start =
        |name: &Engine| anyhow::Ok((*name, Running::start(*name, &stack, &common.python, common.means())?));
    let engines = names.iter().map(start).collect::<anyhow::Result<Vec<_>>>()?;
    let versions = engines.iter().map(|(name, engine)| (*name, engine.version())).collect();
    let files = stack.tables.iter().flat_map(|table| &table.files);
    let data_bytes = files.map(|file| Ok(fs::metadata(file)?.len())).sum::<io::Result<u64>>()?;
    let mut contest = Contest { stack: &mut stack, engines, means: common.means(), scratch: scratch.path() };
    let figures = contest.run(&Query::chosen(&common.queries), common.rounds, run.cold_rounds).await?;
    drop(contest);
    drop(stack);
    let record = Record {
        date: Timestamp::now(),
        elapsed_s: started.elapsed().as_secs_f64(),
        scale: common.scale,
        threads: common.threads,
        memory_bytes: common.means().memory_bytes,
        rounds: common.rounds,
        cold_rounds: run.cold_rounds,
        machine,
        build,
        others: watch.others(),
        versions,
        data_bytes,
        figures,
    };
    record.save(&run.out.out)?;
    say_page(&run.out)
}

async fn attempt(trial: &TryArgs) -> anyhow::Result<()> {
    let common = &trial.common;
    let (stack, _scratch) = common.start().await?;
    let queries = Query::chosen(&common.queries);
    let trials = try_settings(&stack, common.means(), &trial.settings, &queries, common.rounds).await?;
    Ok(writeln!(io::stdout(), "{}", report::trials(&trials))?)
}

fn say_page(out: &Out) -> anyhow::Result<()> {
    let page = report::write(&out.out)?;
    bench_kit::progress::say(&format!("Written to {}.", page.display()));
    Ok(())
}

impl Common {
    fn means(&self) -> Means {
        Means { threads: self.threads, memory_bytes: self.memory_mib << 20 }
    }

    /// The tables in running daemons, and the folder of all of it, which is gone when it is dropped.
    async fn start(&self) -> anyhow::Result<(Stack, TempDir)> {
        let cache = match &self.cache {
            Some(cache) => cache.clone(),
            None => PathBuf::from(env::var_os("HOME").context("no HOME: name a folder with --cache")?)
                .join(".cache/lakehouse"),
        };
        let programs = match &self.programs {
            Some(programs) => programs.clone(),
            None => env::current_exe()?.parent().context("this program is in a folder")?.to_owned(),
        };
        let sources = data::generate(&self.python, &cache, self.scale)?;
        let scratch = tempfile::Builder::new().prefix("bench-tpch-").tempdir()?;
        let stack = Stack::start(programs, scratch.path().to_owned(), self.means(), &sources).await?;
        Ok((stack, scratch))
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
