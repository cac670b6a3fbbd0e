//! The run itself: so many users at once, for so long.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;

use crate::Args;
use crate::plan::Plan;
use crate::progress::{self, Counters};
use crate::scenario::Scenario;
use crate::setup::Session;
use crate::tally::Tally;
use crate::user::User;

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
}

/// Lets all users play until the time is over and the last scenario has ended.
///
/// # Errors
/// When a user's task panics.
pub(crate) async fn run(session: &Session, plan: &Arc<Plan>, args: &Args) -> anyhow::Result<Outcome> {
    let counters = Arc::new(Counters::default());
    let (started, duration) = (Instant::now(), Duration::from_secs(args.duration));
    let mut users = JoinSet::new();
    for number in 0..args.concurrency {
        let user = User::new(number, Arc::clone(plan), session.calls());
        users.spawn(play(user, Arc::clone(&counters), started, duration));
    }
    let gather = async {
        let mut tally = Tally::new()?;
        while let Some(user) = users.join_next().await {
            tally.add(user.context("a user's task ended early")??)?;
        }
        anyhow::Ok(tally)
    };
    tokio::select! {
        tally = gather => Ok(Outcome { tally: tally?, elapsed: started.elapsed() }),
        () = progress::show(&counters, started, duration) => anyhow::bail!("the progress ended before the run"),
    }
}

async fn play(
    mut user: User,
    counters: Arc<Counters>,
    started: Instant,
    duration: Duration,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::new()?;
    while started.elapsed() < duration {
        let scenario = Scenario::draw(&mut user.rng);
        let began = Instant::now();
        let outcome = scenario.play(&mut user).await;
        tally.record(scenario, began.elapsed());
        counters.played.fetch_add(1, Ordering::Relaxed);
        if let Err(failure) = outcome {
            counters.failed.fetch_add(1, Ordering::Relaxed);
            tally.record_failure(scenario, &failure, &user.calls.last_request_id, started.elapsed());
        }
    }
    tally.requests = user.calls.sent;
    Ok(tally)
}
