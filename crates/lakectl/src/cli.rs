//! What the command line takes.

use clap::{Parser, Subcommand};

use crate::commands::{index, ingest, jobs, playbooks, search, snapshot, sql, status, storage, table};
use crate::{audit, corpus, demo, models, stack};

/// The operator's command line of the lakehouse.
#[derive(Debug, Parser)]
#[command(name = "lakectl", version, after_help = "Start with `lakectl demo`, or `lakectl up --data ./var`.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Print one JSON object on standard output; progress goes to standard error.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What `lakectl` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start all eleven daemons.
    Up(stack::UpArgs),
    /// Stop the daemons that `up` started.
    Down(stack::DownArgs),
    /// Show the state of every daemon, also of a stack that was started otherwise.
    Status(status::Args),
    /// Run the main job on real data, from an empty folder to a search that has learned.
    Demo(demo::Args),
    /// Load a CSV, NDJSON, JSON or Parquet file into a table.
    Ingest(ingest::Args),
    /// Embed a table and index it for search by meaning.
    Index(index::Args),
    /// Show index jobs, and end one.
    Jobs(jobs::Args),
    /// Search by meaning.
    Search(search::Args),
    /// Ask in SQL.
    Sql(sql::Args),
    /// Look after what was learned.
    Playbooks(playbooks::Args),
    /// Count and check what outcomes have left behind, and compare it with last time.
    Audit(audit::Args),
    /// Keep vector indexes as objects, and bring them back.
    Snapshot(snapshot::Args),
    /// Keep tables small and fast.
    Table(table::Args),
    /// Keep the store clean.
    Storage(storage::Args),
    /// Fetch and check the models that run here.
    Models(models::Args),
    /// Generate workers on the real labour market.
    Corpus(corpus::CorpusArgs),
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
