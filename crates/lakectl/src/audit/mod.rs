//! `lakectl audit`: what outcomes have left behind, counted, checked, and compared with last time.
//!
//! [`collect`] reads what the daemons keep and leaves a run in the knowledge base; [`full`] observes: it reads the run and asks
//! the stack, and changes neither. [`drift`] holds the counts of a run against the last baseline.

mod acceptance;
mod artifacts;
mod check;
mod collect;
mod drift;
mod environment;
mod full;
mod markdown;
mod replay;
mod report;

use std::path::{Path, PathBuf};
use std::process::Command as Process;

use anyhow::Context;
use clap::Subcommand;
use distillation::RunFolder;

/// Arguments of `lakectl audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lakectl audit collect\n  lakectl audit drift\n  \
                        lakectl audit full --append-baseline\n  \
                        lakectl audit full --test-command 'cargo test -p distillation' --json | jq .passed")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read events, pathways and playbooks, and make evidence, verdicts and exports of them.
    Collect(collect::Args),
    /// Show how the counts of a run differ from the last baseline.
    Drift(drift::Args),
    /// Go through all eight phases and say whether every check passes, also by the exit code.
    Full(full::Args),
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    match &args.command {
        Command::Collect(args) => collect::run(args, as_json).await,
        Command::Drift(args) => drift::run(args, as_json),
        Command::Full(args) => full::run(args, as_json).await,
    }
}

/// Where runs and baselines are.
#[derive(Debug, Clone, clap::Args)]
struct KnowledgeBase {
    /// The folder of the knowledge base.
    #[arg(long = "kb", value_name = "DIR", default_value = "data/_kb")]
    folder: PathBuf,
}

impl KnowledgeBase {
    fn baselines(&self) -> PathBuf {
        self.folder.join("audit_baselines.jsonl")
    }

    /// The run at `path`, or the newest one; none if there is none.
    fn find(&self, path: Option<&Path>) -> anyhow::Result<Option<RunFolder>> {
        match path {
            Some(path) => Ok(Some(RunFolder::at(path))),
            None => RunFolder::newest(&self.folder).context("look for the newest run"),
        }
    }
}

/// The commit of the checkout in the current folder.
fn git_commit() -> Option<String> {
    let output = Process::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
