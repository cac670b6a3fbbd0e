//! Six scenarios of real use against a running stack, at a fixed concurrency for a fixed time, and what else has to be
//! known of it: the same at half the rate, without caches that know every query, by more callers, and with daemons that
//! are killed.
//!
//! [`stack`] starts a stack of its own if it is asked to, [`setup`] sees to it that the corpus is there and warm, [`load`]
//! runs the users, each [`scenario`] asserts what the system promises, [`verify`] checks afterwards what would take time
//! meanwhile, [`report`] says what came of it. Everything goes through the gateway, as users go. A call that is answered
//! with 429 or 503, or not in time, is a failure, and is not repeated, unless it was the harness that killed somebody.

mod answer;
mod calls;
mod chaos;
mod cli;
mod connection;
mod expect;
mod failure;
mod load;
mod metrics;
mod phases;
mod plan;
mod progress;
pub mod report;
pub mod scenario;
mod session;
mod setup;
mod stack;
mod sweep;
mod tally;
mod timer;
mod user;
mod verify;
mod warmth;
mod watch;

use std::sync::Arc;

use anyhow::Context;
use bench_kit::machine::{Build, Machine};
use bench_kit::progress::say;

pub use cli::Args;
pub use failure::Failure;
use plan::Plan;
use report::Report;
use session::Session;
use stack::Stack;

/// Does what the command line asks for; `None` if that was to prepare only. The report files are written, and what came of
/// it said on standard output.
///
/// # Errors
/// When the stack cannot be started, reached or loaded, or the report cannot be written; a scenario that failed is no error,
/// but counted in the report.
pub async fn run(args: &Args) -> anyhow::Result<Option<Report>> {
    let machine = Machine::look();
    let mut stack = match &args.data {
        Some(cache) => Some(Stack::start(cache, args).await?),
        None => None,
    };
    let gateway = if stack.is_some() { Stack::gateway(args) } else { args.gateway.clone() };
    let session = Session::new(&gateway, args.token.clone())?;
    let is_new = setup::prepare(&session, args).await.context("prepare the corpus")?;
    if args.prepare {
        return stop(stack).map(|()| None);
    }
    if let Some(stack) = &mut stack {
        stack::forget_playbooks(&session).await?;
        if is_new {
            // What embedding a hundred thousand texts left in the memory of the daemons is not what is measured.
            stack.start_anew(args).await?;
        }
    }
    let workers = lakectl::corpus::workers(args.workers, args.seed)?.collect();
    let plan = Arc::new(Plan::new(workers, args)?);
    setup::warm_up(&session, &plan).await.context("warm up")?;
    let measured = phases::run(&session, &plan, args, stack.as_mut()).await?;
    stop(stack)?;

    let report = Report::new(args, measured, machine, Build::look());
    let files = report.save(args)?;
    report.print(args.json, &files)?;
    Ok(Some(report))
}

fn stop(stack: Option<Stack>) -> anyhow::Result<()> {
    let Some(mut stack) = stack else { return Ok(()) };
    say("Stopping the stack.");
    stack.running.stop()
}
