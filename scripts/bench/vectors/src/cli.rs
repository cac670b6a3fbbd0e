//! What the command line takes.

use std::env;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::measure::build::BuildArgs;
use crate::measure::filters::FilterArgs;
use crate::measure::http::HttpArgs;
use crate::measure::many::ManyArgs;
use crate::measure::memory::MemoryArgs;
use crate::measure::mixed::MixedArgs;
use crate::measure::rss::RssArgs;
use crate::measure::search::SearchArgs;
use crate::record::Recorder;
use crate::tools::Tools;

const EXAMPLES: &str = "\
Examples:
  bench-vectors search                                   all curves of both sets
  bench-vectors search --set workers --engine ours --engine hnswlib --rounds 3
  bench-vectors build --threads 2 --rounds 3
  bench-vectors filters --quick --out /tmp/look          a look whether it runs
  bench-vectors memory --json | jq .bars
  bench-vectors report                                   reports/bench/VECTORS.md from what was measured

The evaluation data are found by --data or LAKEHOUSE_EVAL_DATA; `make peers` installs the peers. Nothing else should
run on the machine meanwhile: each record says what others took of its CPUs.";

/// Measures vector search against hnswlib, usearch and faiss.
#[derive(Debug, Parser)]
#[command(name = "bench-vectors", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    /// The folder of the evaluation data.
    #[arg(
        long,
        global = true,
        env = "LAKEHOUSE_EVAL_DATA",
        default_value = "../shared/data",
        value_name = "DIR"
    )]
    data: PathBuf,
    /// A Python that has the peers.
    #[arg(
        long,
        global = true,
        env = "LAKEHOUSE_BENCH_PYTHON",
        default_value = "python3",
        value_name = "PROGRAM"
    )]
    python: PathBuf,
    /// Where the records go.
    #[arg(long, global = true, default_value = "reports/bench", value_name = "DIR")]
    out: PathBuf,
    /// Where indexes are kept while they are measured, about 2 GB: a disk, and not memory. Default: the temporary folder.
    #[arg(long, global = true, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// A slice of the data and few rounds: whether everything runs.
    #[arg(long, global = true)]
    quick: bool,
    /// Print the record as one JSON object on standard output.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Recall and throughput on one thread, in process, beside the peers.
    Search(SearchArgs),
    /// Build time, beside hnswlib's.
    Build(BuildArgs),
    /// Memory after opening an index and at the peak of a build, and searches with the index's files out of the page cache.
    Memory(MemoryArgs),
    /// Recall and time under filters that keep 50 to 0.1 %.
    Filters(FilterArgs),
    /// Searches over HTTP against a real vectord, closed and open loop.
    Http(HttpArgs),
    /// Searches at a fixed rate, alone and while upserts arrive.
    Mixed(MixedArgs),
    /// Memory of a vectord with 100,000 vectors of 768 numbers.
    Rss(RssArgs),
    /// Ten thousand indexes: memory and restart.
    Many(ManyArgs),
    /// Write VECTORS.md from the records.
    Report,
    /// Our engine as a process that the measurements drive.
    #[command(hide = true)]
    Worker,
}

impl Cli {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Common { data, python, out, scratch, quick, json } = self.common;
        let tools = Tools { data, python, scratch: scratch.unwrap_or_else(env::temp_dir), is_quick: quick };
        let recorder = Recorder { folder: &out, is_json: json };
        match self.command {
            Command::Search(plan) => recorder.run(plan, &tools),
            Command::Build(plan) => recorder.run(plan, &tools),
            Command::Memory(plan) => recorder.run(plan, &tools),
            Command::Filters(plan) => recorder.run(plan, &tools),
            Command::Http(plan) => recorder.run(plan, &tools),
            Command::Mixed(plan) => recorder.run(plan, &tools),
            Command::Rss(plan) => recorder.run(plan, &tools),
            Command::Many(plan) => recorder.run(plan, &tools),
            Command::Report => {
                let page = crate::report::write(&out)?;
                bench_kit::progress::say(&format!("Written to {}.", page.display()));
                Ok(())
            }
            Command::Worker => crate::worker::serve::serve(),
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
