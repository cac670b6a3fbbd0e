//! What the command line takes.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::Parser;
use serde::Serialize;
use wire::context::Secret;

const EXAMPLES: &str = "\
Examples:
  lakectl up --data ./var --detach && multitier
  multitier --workers 100000 --duration 300 --report-dir reports/cutover
  multitier --gateway http://127.0.0.1:4410 --concurrency 8 --duration 5 --json | jq .failed

Exit code 1 if a single scenario failed.";

/// Six scenarios of real use against a running stack, at a fixed concurrency for a fixed time.
#[derive(Debug, Clone, Parser, Serialize)]
#[command(name = "multitier", version, after_help = EXAMPLES)]
pub struct Args {
    /// The gateway of the stack.
    #[arg(long, env = "LAKEHOUSE_GATEWAY", default_value = "http://127.0.0.1:4110", value_name = "URL")]
    pub gateway: String,
    /// Workers that the corpus must hold; they are generated, stored and indexed if they are not there.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(50..=1_000_000))]
    pub workers: u64,
    /// Users at once, each of whom waits for an answer before the next call.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub concurrency: u16,
    /// Seconds for which scenarios are begun.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400), value_name = "SECONDS")]
    pub duration: u64,
    /// The same seed gives the same workers, the same queries and the same draws.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print the report as one JSON object on standard output.
    #[arg(long)]
    #[serde(skip)]
    pub json: bool,
    /// Where the report files go: `multitier_<DATE>.json` and `.md`.
    #[arg(long, default_value = "reports/cutover", value_name = "DIR")]
    #[serde(skip)]
    pub report_dir: PathBuf,
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
