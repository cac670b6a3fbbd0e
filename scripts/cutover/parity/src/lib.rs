//! Asks two systems the same thing, and says whether they answer alike.
//!
//! A probe is a module ([`chat`], [`embed`], [`retrieve`], [`sql`], [`storage`], [`vectors`]): it knows the shapes in which a side can be
//! asked, asks both [`Side`]s, and returns a [`Verdict`] with a row of evidence for each case; [`checks`] runs tests of ours instead, and
//! [`skip`] says that a probe was left out. What is common stands here: how a side is reached, what a verdict is, and where it is written.
//! A side that cannot be reached leaves nothing to compare: that is never a pass.

mod cases;
pub mod chat;
pub mod checks;
mod cli;
pub mod embed;
mod page;
mod pair;
pub mod retrieve;
mod side;
pub mod skip;
pub mod sql;
pub mod storage;
pub mod vectors;
mod verdict;

use anyhow::Context;
use jiff::Zoned;

pub use cli::{Cli, Output, Probe, SideArgs};
pub use side::{Answer, Fault, Side};
pub use verdict::{Outcome, Row, SideEvidence, Verdict};

use pair::{Given, Pair};
use verdict::Findings;

/// Runs the probe that was asked for and writes its verdict.
///
/// # Errors
/// When the command line makes no sense, or the verdict cannot be written. Two systems that differ are no error.
pub async fn run(cli: &Cli) -> anyhow::Result<Verdict> {
    let now = Zoned::now();
    let (verdict, output) = match &cli.probe {
        Probe::Embed(args) => (embed::probe(args, &now).await?, &args.output),
        Probe::Sql(args) => (sql::probe(args, &now).await?, &args.output),
        Probe::Storage(args) => (storage::probe(args, &now).await?, &args.output),
        Probe::Vectors(args) => (vectors::probe(args, &now).await?, &args.output),
        Probe::Retrieve(args) => (retrieve::probe(args, &now).await?, &args.output),
        Probe::Chat(args) => (chat::probe(args, &now).await?, &args.output),
        Probe::Checks(args) => (checks::probe(args, &now).await?, &args.output),
        Probe::Skip(args) => (skip::probe(args, &now)?, &args.output),
    };
    page::write(&verdict, output).context("write the verdict")?;
    Ok(verdict)
}
