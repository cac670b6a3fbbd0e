//! What the command line takes.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Parser;
use serde::Serialize;
use wire::context::Secret;

const EXAMPLES: &str = "\
Examples:
  lakectl up --data ./var --detach && multitier                 # a minute against a stack that runs
  multitier --gateway http://127.0.0.1:4410 --concurrency 8 --duration 5 --json | jq .failed
  multitier --data ~/.cache/lakehouse/multitier --prepare       # a stack of its own: embed and index, once
  multitier --data ~/.cache/lakehouse/multitier --workers 100000 --duration 300 --fresh 60 --open 60 --sweep 20 \\
            --alone 500 --chaos 120 --charts --name multitier_100k         # what `make multitier` does

Exit code 1 if a single scenario failed, or a check after the run.";

/// Six scenarios of real use against a running stack, at a fixed concurrency for a fixed time.
#[derive(Debug, Clone, Parser, Serialize)]
#[command(name = "multitier", version, after_help = EXAMPLES)]
pub struct Args {
    /// The gateway of the stack, where one runs already.
    #[arg(long, env = "LAKEHOUSE_GATEWAY", default_value = "http://127.0.0.1:4110", value_name = "URL")]
    pub gateway: String,
    /// Start a stack here instead, on a folder for this corpus in CACHE, and stop it at the end. The corpus is embedded
    /// once and kept; what earlier runs recorded is dropped.
    #[arg(long, value_name = "CACHE")]
    #[serde(skip)]
    pub data: Option<PathBuf>,
    /// Added to every port of that stack.
    #[arg(long, default_value_t = 600, requires = "data")]
    #[serde(skip)]
    pub port_offset: u16,
    /// Prepare the corpus, and no more.
    #[arg(long)]
    #[serde(skip)]
    pub prepare: bool,
    /// Workers that the corpus must hold; they are generated, stored and indexed if they are not there.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(50..=1_000_000))]
    pub workers: u64,
    /// Users at once, each of whom waits for an answer before the next call.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub concurrency: u16,
    /// Seconds for which scenarios are begun.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400), value_name = "SECONDS")]
    pub duration: u64,
    /// Then so many seconds in which one query in a hundred is one that nobody has asked before.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub fresh: u64,
    /// Then so many seconds at half the rate, however long answers take; once more with the harness before all others, where
    /// the system lets it.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub open: u64,
    /// Then each scenario so many times by itself, one user, to count what it does.
    #[arg(long, default_value_t = 0, value_name = "TIMES")]
    pub alone: u64,
    /// Then so many seconds of searches alone, and of searches and texts to embed, by 10, 50, 100 and 200 callers each.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub sweep: u64,
    /// Then so many seconds in which vectord, embedd or matrixd is killed and started again now and then.
    #[arg(long, default_value_t = 0, value_name = "SECONDS", requires = "data", num_args = 0..=1,
          default_missing_value = "120")]
    pub chaos: u64,
    /// From one kill to the next.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..), value_name = "SECONDS")]
    pub kill_every: u64,
    /// Distinct texts that are searched for, all of them embedded beforehand.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub queries: u64,
    /// One plain search in so many is compared with the exact answer, after the run.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub recall_every: u64,
    /// The same seed gives the same workers, the same queries and the same draws.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print the report as one JSON object on standard output.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
    /// Where the report files go.
    #[arg(long, default_value = "reports/cutover", value_name = "DIR")]
    #[serde(skip)]
    pub report_dir: PathBuf,
    /// What they are called, without ending [default: multitier_<DATE>].
    #[arg(long)]
    #[serde(skip)]
    pub name: Option<String>,
    /// Draw charts too (SVG).
    #[arg(long)]
    #[serde(skip)]
    pub charts: bool,
    /// The bearer token, where the stack asks for one.
    #[arg(long, env = "LAKEHOUSE_TOKEN", hide_env_values = true, value_name = "TOKEN", value_parser = secret)]
    #[serde(skip)]
    pub token: Option<Secret>,
}

fn secret(text: &str) -> Result<Secret, Infallible> {
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }
}
