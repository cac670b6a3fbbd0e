//! What is measured, one phase after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bench_kit::load::Pace;
use bench_kit::took::Took;

use crate::Args;
use crate::calls::Outages;
use crate::chaos::{self, Chaos};
use crate::load::{self, Phase};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::session::Session;
use crate::setup;
use crate::stack::{self, Stack};
use crate::sweep::{self, Point};
use crate::tally::Tally;
use crate::verify::{self, Recall};
use crate::warmth::{self, Warmth};
use crate::watch::{DaemonMemory, DaemonWork, Seen, Work};

/// Of how many queries one is fresh in the phase that has such.
const FRESH_ONE_IN: u32 = 100;
/// Searches with playbooks and without, for each time that a scenario is played alone.
const WARMTH_PARTS: usize = 5;
/// No scenario of those that are played alone takes that long.
const NO_LIMIT: Duration = Duration::from_secs(3600);

/// What one phase came to.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) phase: Phase,
    pub(crate) tally: Tally,
    /// CPU time is the generator's.
    pub(crate) took: Took,
    pub(crate) work: Work,
    pub(crate) daemons: Vec<DaemonWork>,
    pub(crate) recall: Option<Recall>,
}

/// What all phases came to.
#[derive(Debug)]
pub(crate) struct AllMeasured {
    /// The mix, the closed loop first.
    pub(crate) phases: Vec<Measured>,
    /// Each scenario by itself.
    pub(crate) alone: Vec<Measured>,
    /// A search with playbooks beside one without.
    pub(crate) warmth: Option<Warmth>,
    pub(crate) sweep: Vec<Point>,
    /// At the end of all that, and before daemons are killed.
    pub(crate) memory: Vec<DaemonMemory>,
    pub(crate) chaos: Option<Chaos>,
}

/// Runs what the command line asks for.
///
/// # Errors
/// When the stack cannot be reached, or not be started again after it was killed.
pub(crate) async fn run(
    session: &Session,
    plan: &Arc<Plan>,
    args: &Args,
    stack: Option<&mut Stack>,
) -> anyhow::Result<AllMeasured> {
    // On the same cores as the daemons: a generator that waits for a turn of its own measures that wait. A wish, no more.
    let _ = scheduling::ask_for(scheduling::SHORT);
    let mut phases = vec![measure(session, plan, mix(args, 0, "closed loop", args.duration)).await?];
    let peak_per_s = phases[0].tally.played() as f64 / phases[0].took.wall_s;
    if args.fresh > 0 {
        let phase = mix(args, 1, "closed loop, 1 % of queries never asked before", args.fresh);
        phases.push(measure(session, plan, Phase { fresh_one_in: Some(FRESH_ONE_IN), ..phase }).await?);
    }
    if args.open > 0 {
        let pace = Pace::Open { per_s: 0.5 * peak_per_s };
        let phase = mix(args, 2, "open loop at half the rate", args.open);
        phases.push(measure(session, plan, Phase { pace, ..phase }).await?);
        if scheduling::go_first(true).is_ok() {
            let phase = mix(args, 3, "open loop at half the rate, the generator first", args.open);
            let measured = measure(session, plan, Phase { pace, ..phase }).await;
            scheduling::go_first(false).context("go back among the others")?;
            phases.push(measured?);
        }
    }
    let mut alone = Vec::new();
    if args.alone > 0 {
        for (number, scenario) in (10..).zip(Scenario::ALL) {
            alone.push(measure(session, plan, by_itself(args, number, scenario)).await?);
        }
    }
    let mut warmth = None;
    if args.alone > 0 {
        let searches = usize::try_from(args.alone)?.saturating_mul(WARMTH_PARTS);
        warmth = Some(warmth::measure(session, plan, searches).await.context("search with playbooks")?);
    }
    let mut points = Vec::new();
    if args.sweep > 0 {
        let (gateway, plan) = (session.gateway.clone(), Arc::clone(plan));
        let duration = Duration::from_secs(args.sweep);
        points = tokio::task::spawn_blocking(move || sweep::run(&gateway, &plan, duration)).await??;
    }
    let memory = Seen::now(session).await?.memory();
    let mut chaos = None;
    if let Some(stack) = stack.filter(|_| args.chaos > 0) {
        let (measured, came_of_it) = kill(session, plan, args, stack).await.context("kill daemons")?;
        phases.push(measured);
        chaos = Some(came_of_it);
    }
    Ok(AllMeasured { phases, alone, warmth, sweep: points, memory, chaos })
}

/// The mix of scenarios in a closed loop, each query one that was asked before.
fn mix(args: &Args, number: u64, name: &'static str, duration_s: u64) -> Phase {
    Phase {
        number,
        name,
        users: args.concurrency,
        pace: Pace::Closed,
        duration: Duration::from_secs(duration_s),
        max_scenarios: u64::MAX,
        fresh_one_in: None,
        outages: Outages::Fail,
        only: None,
    }
}

fn by_itself(args: &Args, number: u64, scenario: Scenario) -> Phase {
    let phase = mix(args, number, scenario.name(), 0);
    Phase { users: 1, duration: NO_LIMIT, max_scenarios: args.alone, only: Some(scenario), ..phase }
}

async fn measure(session: &Session, plan: &Arc<Plan>, phase: Phase) -> anyhow::Result<Measured> {
    let before = Seen::now(session).await?;
    let load::Outcome { tally, took } = load::run(session, plan, &phase).await?;
    let after = Seen::now(session).await?;
    let recall = verify::recall(session, &tally.samples).await.context("compare with the exact answer")?;
    let (work, daemons) = (before.work_until(&after), before.daemons_until(&after, took.wall_s));
    Ok(Measured { phase, tally, took, work, daemons, recall })
}

/// The mix while daemons are killed, on a stack that was just started and has nothing recorded.
async fn kill(
    session: &Session,
    plan: &Arc<Plan>,
    args: &Args,
    stack: &mut Stack,
) -> anyhow::Result<(Measured, Chaos)> {
    // Processes have the turns of who starts them, and daemons are to have those of their own.
    let _ = scheduling::ask_for(Duration::ZERO);
    stack.start_anew(args).await?;
    stack::forget_playbooks(session).await?;
    setup::warm_up(session, plan).await.context("warm up")?;
    let before: BTreeSet<String> = verify::recordings(session).await?;
    let (every, duration) = (Duration::from_secs(args.kill_every), Duration::from_secs(args.chaos));
    let phase = mix(args, 4, "closed loop, daemons killed", args.chaos);
    let (measured, kills) = tokio::try_join!(
        // Without fresh queries nobody would notice that embedd is away.
        measure(session, plan, Phase { outages: Outages::Wait, fresh_one_in: Some(FRESH_ONE_IN), ..phase }),
        chaos::kill_in_turn(stack, args.port_offset, every, duration),
    )?;
    let Tally { acknowledged, unindexed, waits, .. } = &measured.tally;
    let kept = verify::kept(session, &before, acknowledged, *unindexed)
        .await
        .context("look for what was recorded")?;
    let chaos = Chaos { kills, waits: *waits, kept };
    Ok((measured, chaos))
}
