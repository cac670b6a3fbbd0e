//! The operator's command line: `lakectl`.

mod audit;
pub mod cli;
mod commands;
pub mod corpus;
mod demo;
pub mod models;
mod output;
mod session;
pub mod stack;

use cli::{Cli, Command};

/// Runs what the command line asks for.
///
/// # Errors
/// What went wrong, as a chain from what was tried down to the cause.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Up(args) => stack::up(&args).await,
        Command::Down(args) => stack::down(&args),
        Command::Status(args) => commands::status::run(&args, cli.json).await,
        Command::Demo(args) => demo::run(&args, cli.json).await,
        Command::Ingest(args) => commands::ingest::run(&args, cli.json).await,
        Command::Index(args) => commands::index::run(&args, cli.json).await,
        Command::Jobs(args) => commands::jobs::run(&args, cli.json).await,
        Command::Search(args) => commands::search::run(&args, cli.json).await,
        Command::Sql(args) => commands::sql::run(&args, cli.json).await,
        Command::Playbooks(args) => commands::playbooks::run(&args, cli.json).await,
        Command::Audit(args) => audit::run(&args, cli.json).await,
        Command::Snapshot(args) => commands::snapshot::run(&args, cli.json).await,
        Command::Table(args) => commands::table::run(&args, cli.json).await,
        Command::Storage(args) => commands::storage::run(&args, cli.json).await,
        Command::Models(args) => models::run(args, cli.json),
        Command::Corpus(args) => corpus::run(args),
    }
}
