//! Six scenarios of real use against a running stack, at a fixed concurrency for a fixed time.
//!
//! [`setup`] sees to it that the corpus is there and warm, [`load`] runs the users, each [`scenario`] asserts what the
//! system promises, [`report`] says what came of it. Everything goes through the gateway, as users go. A call that is
//! answered with 429 or 503, or not in time, is a failure, and is not repeated.

mod calls;
mod cli;
mod expect;
mod failure;
mod load;
mod plan;
mod progress;
pub mod report;
pub mod scenario;
mod setup;
mod tally;
mod user;

use std::sync::Arc;

use anyhow::Context;
use bench_kit::machine::{Build, Machine};
use client::{PeerUrls, Peers};

pub use cli::Args;
pub use failure::Failure;
use report::{Observation, Report};
use setup::Session;

/// Loads the stack behind the gateway, writes the report files and says on standard output what came of it.
///
/// # Errors
/// When the stack cannot be reached or loaded, or the report cannot be written; a scenario that failed is no error,
/// but counted in the report.
pub async fn run(args: &Args) -> anyhow::Result<Report> {
    let peers = Peers::new(PeerUrls::behind_gateway(&args.gateway)).context("open a client")?;
    let session = Session::new(peers, args.token.clone());
    let plan = Arc::new(setup::prepare(&session, args).await.context("prepare the corpus")?);
    let (machine, build) = (Machine::look(), Build::look());

    let before = session.status().await?;
    let outcome = load::run(&session, &plan, args).await?;
    let after = session.status().await?;

    let observation = Observation { machine, build, before, after };
    let report = Report::new(args, outcome, observation);
    let files = report.save(&args.report_dir)?;
    report.print(args.json, &files)?;
    Ok(report)
}
