//! One phase of a run: so many users at once, for so long, at one of two paces.
//!
//! In a *closed* loop each user begins the next scenario when the last has ended. In an *open* loop scenarios are due at a
//! fixed rate, however long they take, and each time counts from the moment at which the scenario was due: one that had to
//! wait for a free user has waited for the system (see [`bench_kit::load`] on coordinated omission).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use bench_kit::load::Pace;
use bench_kit::progress::say;
use bench_kit::took::{StopWatch, Took};
use tokio::task::JoinSet;

use crate::calls::{Calls, Outages};
use crate::plan::Plan;
use crate::progress::{self, Counters};
use crate::scenario::Scenario;
use crate::session::Session;
use crate::tally::Tally;
use crate::timer::Timer;
use crate::user::User;

/// What is run.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    /// Tells its random draws from those of other phases.
    pub(crate) number: u64,
    /// In words.
    pub(crate) name: &'static str,
    pub(crate) users: u16,
    pub(crate) pace: Pace,
    /// No scenario is begun, or due, after so long.
    pub(crate) duration: Duration,
    /// Nor more than so many.
    pub(crate) max_scenarios: u64,
    /// One query in so many is one that nobody has asked before.
    pub(crate) fresh_one_in: Option<u32>,
    pub(crate) outages: Outages,
    /// This scenario alone, instead of the mix.
    pub(crate) only: Option<Scenario>,
}

/// What a phase came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// From the first call to the last answer; CPU time is that of this process.
    pub(crate) took: Took,
}

/// When scenarios of a phase begin.
#[derive(Debug)]
struct Schedule {
    started: Instant,
    begun: AtomicU64,
}

impl Schedule {
    /// When the next scenario begins, and for whoever asks; `None` when the phase is over.
    fn next(&self, phase: &Phase) -> Option<Instant> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let due = match phase.pace {
            Pace::Closed => Instant::now(),
            Pace::Open { per_s } => self.started + Duration::from_secs_f64(number as f64 / per_s),
        };
        (number < phase.max_scenarios && due < self.started + phase.duration).then_some(due)
    }
}

/// Lets all users play until the time is over and the last scenario has ended.
///
/// # Errors
/// When a user's task panics, or the system gives no timers.
pub(crate) async fn run(session: &Session, plan: &Arc<Plan>, phase: &Phase) -> anyhow::Result<Outcome> {
    match phase.only {
        Some(scenario) => say(&format!("{} by itself, {} times.", scenario.name(), phase.max_scenarios)),
        None => say(&format!("{}: {} users, {} s.", phase.name, phase.users, phase.duration.as_secs())),
    }
    let (phase, counters) = (Arc::new(phase.clone()), Arc::new(Counters::default()));
    let watch = StopWatch::start();
    let schedule = Arc::new(Schedule { started: Instant::now(), begun: AtomicU64::new(0) });
    let mut users = JoinSet::new();
    for number in 0..phase.users {
        let id_prefix = format!("{}.{}.{number}", plan.run_id, phase.number);
        let calls = Calls::new(session.gateway.clone(), phase.outages, id_prefix);
        let user = User::new(number, Arc::clone(&phase), Arc::clone(plan), Arc::clone(&counters), calls)?;
        users.spawn(play(user, Arc::clone(&phase), Arc::clone(&counters), Arc::clone(&schedule)));
    }
    let gather = async {
        let mut tally = Tally::new()?;
        while let Some(user) = users.join_next().await {
            tally.add(user.context("a user's task ended early")??)?;
        }
        anyhow::Ok(tally)
    };
    tokio::select! {
        tally = gather => Ok(Outcome { tally: tally?, took: watch.took() }),
        () = progress::show(&counters, schedule.started, phase.duration) => anyhow::bail!("the progress ended before the run"),
    }
}

async fn play(
    mut user: User,
    phase: Arc<Phase>,
    counters: Arc<Counters>,
    schedule: Arc<Schedule>,
) -> anyhow::Result<Tally> {
    let timer = Timer::new()?;
    while let Some(due) = schedule.next(&phase) {
        timer.wait_until(due).await?;
        let scenario = phase.only.unwrap_or_else(|| Scenario::draw(&mut user.rng));
        let outcome = scenario.play(&mut user).await;
        user.tally.record(scenario, due.elapsed());
        counters.played.fetch_add(1, Ordering::Relaxed);
        if let Some(searched) = user.searched.take() {
            user.tally.record_cold_search(searched.saturating_duration_since(due));
        }
        if let Err(failure) = outcome {
            counters.failed.fetch_add(1, Ordering::Relaxed);
            let request_id = user.calls.last_request_id();
            user.tally.record_failure(scenario, &failure, &request_id, schedule.started.elapsed());
        }
    }
    user.tally.requests = user.calls.sent;
    user.tally.waits = user.calls.waits;
    Ok(user.tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(pace: Pace, max_scenarios: u64) -> Phase {
        Phase {
            number: 0,
            name: "test",
            users: 1,
            pace,
            duration: Duration::from_secs(1),
            max_scenarios,
            fresh_one_in: None,
            outages: Outages::Fail,
            only: None,
        }
    }

    /// When the scenarios are due that are begun by somebody who takes no time for any, from the start.
    fn dues(phase: &Phase) -> Vec<Duration> {
        let schedule = Schedule { started: Instant::now(), begun: AtomicU64::new(0) };
        std::iter::from_fn(|| schedule.next(phase)).map(|due| due - schedule.started).collect()
    }

    #[test]
    fn open_loop_is_due_at_its_rate_whoever_is_late() {
        let dues = dues(&phase(Pace::Open { per_s: 10.0 }, u64::MAX));
        let expected: Vec<_> = (0..10).map(|number| Duration::from_millis(100 * number)).collect();
        assert_eq!(dues, expected);
    }

    #[test]
    fn closed_loop_is_due_at_once_and_ends_with_its_last_scenario() {
        let dues = dues(&phase(Pace::Closed, 3));
        assert_eq!(dues.len(), 3);
        assert!(dues.iter().all(|due| *due < Duration::from_millis(100)), "{dues:?}");
    }
}
