//! How much may be asked at once, and how many tokens in 24 hours: of a provider, or by a caller.
//!
//! What an answer will cost is known when it is there. So the most that it may cost is held back before, and given back when
//! the [`Hold`] is dropped: requests that run at the same time cannot together go far beyond the limit.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use wire::chat::ChatRequest;

use crate::answer::prompt_tokens;
use crate::window::{DAY_S, SLOT_S, Slot, Window};

/// What is held back for an answer whose request does not say how long it may be.
const ASSUMED_ANSWER_TOKENS: u64 = 1024;
/// When to come back if room depends on answers that are being written.
const SOON: Duration = Duration::from_secs(1);

/// The limits of a [`Budget`]; one that is absent does not limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Answers that are being written at the same time.
    pub max_concurrent: Option<u32>,
    /// Tokens read and written within any 24 hours.
    pub tokens_per_day: Option<u64>,
}

/// Why nothing more may be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Spent {
    /// Come back when an answer has ended.
    #[error("{limit} answers are being written at the same time already, which is all that is allowed")]
    Concurrency {
        /// The limit.
        limit: u32,
    },
    /// Come back when enough tokens are a day old.
    #[error(
        "{used} of {limit} tokens within 24 hours are spent and {held} held back for answers that are being written; this \
         request may take {needed}"
    )]
    Tokens {
        /// The limit.
        limit: u64,
        /// Tokens spent.
        used: u64,
        /// Tokens held back.
        held: u64,
        /// Tokens that the request may take.
        needed: u64,
        /// When there is room for it, if nothing else is asked.
        retry_after: Duration,
    },
    /// Never, as it is.
    #[error(
        "this request may take {needed} tokens, more than the {limit} that are allowed within 24 hours: shorten it, or lower \
         its `max_tokens`"
    )]
    TooLarge {
        /// The limit.
        limit: u64,
        /// Tokens that the request may take.
        needed: u64,
    },
}

impl Spent {
    /// When to come back; `None`: not with this request.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Concurrency { .. } => Some(SOON),
            Self::Tokens { retry_after, .. } => Some(*retry_after),
            Self::TooLarge { .. } => None,
        }
    }

    /// A word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Concurrency { .. } => "concurrency",
            Self::Tokens { .. } => "tokens",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

/// What a request takes of a budget while it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    prompt: u64,
    answer: Option<u64>,
}

impl Demand {
    /// The prompt by our estimate, and the longest answer that is allowed.
    pub fn of(request: &ChatRequest) -> Self {
        Self { prompt: prompt_tokens(request), answer: request.max_tokens.map(u64::from) }
    }

    /// The tokens to hold back where `limit` are allowed. An answer of a length that is not stated is taken to fit.
    fn tokens(self, limit: u64) -> u64 {
        let assumed = || ASSUMED_ANSWER_TOKENS.min(limit.saturating_sub(self.prompt));
        self.prompt.saturating_add(self.answer.unwrap_or_else(assumed))
    }
}

/// How a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// Answers that are being written.
    pub in_flight: u32,
    /// Tokens spent within 24 hours; not counted, and 0, where they are not limited.
    pub used: u64,
    /// Tokens held back for answers that are being written.
    pub held: u64,
}

/// Tokens of one slot of time, to be kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spending {
    /// When, in slots of five minutes since the epoch.
    pub slot: u64,
    /// How many in all of it.
    pub tokens: u64,
}

impl Spending {
    /// The oldest slot that may count at `now_s`.
    pub fn oldest(now_s: u64) -> u64 {
        (now_s / SLOT_S).saturating_sub(DAY_S / SLOT_S)
    }
}

/// Limits, and how much of them is used.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    in_flight: u32,
    held: u64,
    window: Window,
    /// The slots that have changed since [`Budget::take_changed`] was asked last.
    changed: Vec<Slot>,
}

impl Budget {
    /// Nothing of it is used.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, state: Mutex::default() })
    }

    /// What is allowed.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes what `demand` may cost until the hold is dropped.
    ///
    /// # Errors
    /// [`Spent`] with the limit that stands against it.
    pub fn hold(self: &Arc<Self>, demand: Demand, now_s: u64) -> Result<Hold, Spent> {
        let mut state = self.state.lock();
        if let Some(limit) = self.limits.max_concurrent.filter(|limit| state.in_flight >= *limit) {
            return Err(Spent::Concurrency { limit });
        }
        let tokens = match self.limits.tokens_per_day {
            Some(limit) => state.room(limit, demand.tokens(limit), now_s)?,
            None => 0,
        };
        state.in_flight += 1;
        state.held = state.held.saturating_add(tokens);
        Ok(Hold { budget: Arc::clone(self), tokens: Mutex::new(tokens) })
    }

    /// How it stands.
    pub fn balance(&self, now_s: u64) -> Balance {
        let mut state = self.state.lock();
        Balance { in_flight: state.in_flight, used: state.window.sum(now_s), held: state.held }
    }

    /// Counts what was spent before a restart, oldest first.
    pub fn restore(&self, spending: Spending, now_s: u64) {
        let mut state = self.state.lock();
        state.window.add(spending.slot.saturating_mul(SLOT_S), spending.tokens);
        state.window.sum(now_s);
    }

    /// What has changed since this was asked last.
    pub fn take_changed(&self) -> Vec<Spending> {
        let changed = std::mem::take(&mut self.state.lock().changed);
        changed.into_iter().map(|slot| Spending { slot: slot.number, tokens: slot.tokens }).collect()
    }

    fn spend(&self, tokens: u64, held: u64, now_s: u64) {
        let mut state = self.state.lock();
        state.held = state.held.saturating_sub(held);
        if self.limits.tokens_per_day.is_none() || tokens == 0 {
            return;
        }
        let slot = state.window.add(now_s, tokens);
        match state.changed.last_mut().filter(|last| last.number == slot.number) {
            Some(last) => *last = slot,
            None => state.changed.push(slot),
        }
    }
}

impl State {
    /// `needed`, if there is room for them.
    fn room(&mut self, limit: u64, needed: u64, now_s: u64) -> Result<u64, Spent> {
        if needed > limit {
            return Err(Spent::TooLarge { limit, needed });
        }
        let (used, held) = (self.window.sum(now_s), self.held);
        if used.saturating_add(held).saturating_add(needed) <= limit {
            return Ok(needed);
        }
        // What is held back may be given back at any moment, and may be spent: it is taken for spent, unless only it stands
        // against the request.
        let allowed = limit - needed;
        let wait = match allowed.checked_sub(held).filter(|_| used > 0) {
            Some(rest) => Duration::from_secs(self.window.at_most(rest, now_s) - now_s),
            None => SOON,
        };
        Err(Spent::Tokens { limit, used, held, needed, retry_after: wait.max(SOON) })
    }
}

/// A part of a budget, for one request. Dropping it gives back what was not spent.
#[derive(Debug)]
pub struct Hold {
    budget: Arc<Budget>,
    /// What is still held back.
    tokens: Mutex<u64>,
}

impl Hold {
    /// Tokens have been read and written. They may be more than were held back.
    pub fn spend(&self, tokens: u64, now_s: u64) {
        let mut left = self.tokens.lock();
        let held = tokens.min(*left);
        *left -= held;
        self.budget.spend(tokens, held, now_s);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.budget.state.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        state.held = state.held.saturating_sub(*self.tokens.get_mut());
    }
}

/// The time that budgets go by: it has to be the same after a restart.
pub fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn budget(max_concurrent: Option<u32>, tokens_per_day: Option<u64>) -> Arc<Budget> {
        Budget::new(Limits { max_concurrent, tokens_per_day })
    }

    fn demand(prompt: u64, answer: u64) -> Demand {
        Demand { prompt, answer: Some(answer) }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Ask { prompt: u64, answer: u64 },
        Spend { which: prop::sample::Index, share: f64 },
        Leave { which: prop::sample::Index },
        Wait { seconds: u64 },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1_u64..200, 1_u64..400).prop_map(|(prompt, answer)| Step::Ask { prompt, answer }),
            3 => (any::<prop::sample::Index>(), 0.0..=1.0).prop_map(|(which, share)| Step::Spend { which, share }),
            1 => any::<prop::sample::Index>().prop_map(|which| Step::Leave { which }),
            1 => (0_u64..20_000).prop_map(|seconds| Step::Wait { seconds }),
        ]
    }

    proptest! {
        /// The oracle knows every event by itself. Whoever spends no more than was held back never gets a budget above its
        /// limit, and nobody is refused for whom even the slots of the window leave room.
        #[test]
        fn no_day_holds_more_than_the_limit_and_nobody_is_refused_without_need(
            steps in prop::collection::vec(step(), 1..300), limit in 300_u64..3000, concurrent in 1_u32..6,
        ) {
            let budget = budget(Some(concurrent), Some(limit));
            let (mut now, mut open, mut spent) = (NOW, Vec::<(Hold, u64)>::new(), Vec::<(u64, u64)>::new());
            let sum = |spent: &[(u64, u64)], now: u64, span: u64| -> u64 {
                spent.iter().filter(|(at, _)| at + span > now).map(|(_, tokens)| tokens).sum()
            };
            for step in steps {
                match step {
                    Step::Ask { prompt, answer } => {
                        let (needed, held) = (prompt + answer, open.iter().map(|(_, held)| held).sum::<u64>());
                        match budget.hold(demand(prompt, answer), now) {
                            Ok(hold) => {
                                prop_assert!(open.len() < concurrent as usize);
                                open.push((hold, needed));
                            }
                            Err(Spent::Concurrency { .. }) => prop_assert_eq!(open.len(), concurrent as usize),
                            Err(Spent::TooLarge { .. }) => prop_assert!(needed > limit),
                            Err(Spent::Tokens { retry_after, .. }) => {
                                prop_assert!(sum(&spent, now, DAY_S + 300) + held + needed > limit);
                                let then = now + retry_after.as_secs();
                                if held == 0 {
                                    prop_assert!(budget.state.lock().window.clone().sum(then) + needed <= limit);
                                    prop_assert!(retry_after.as_secs() <= DAY_S + 300);
                                }
                            }
                        }
                    }
                    Step::Spend { which, share } if !open.is_empty() => {
                        let (hold, held) = open.swap_remove(which.index(open.len()));
                        let tokens = (held as f64 * share) as u64;
                        hold.spend(tokens, now);
                        spent.push((now, tokens));
                    }
                    Step::Leave { which } if !open.is_empty() => drop(open.swap_remove(which.index(open.len()))),
                    Step::Wait { seconds } => now += seconds,
                    Step::Spend { .. } | Step::Leave { .. } => {}
                }
                prop_assert!(sum(&spent, now, DAY_S) <= limit);
                let balance = budget.balance(now);
                prop_assert_eq!(balance.in_flight as usize, open.len());
                prop_assert_eq!(balance.held, open.iter().map(|(_, held)| held).sum::<u64>());
            }
        }
    }

    #[test]
    fn parallel_requests_overspend_by_no_more_than_their_answers_exceed_what_they_asked_for() {
        let budget = budget(None, Some(1000));
        let holds: Vec<_> = (0..10).filter_map(|_| budget.hold(demand(100, 150), NOW).ok()).collect();
        assert_eq!(holds.len(), 4);
        holds.iter().for_each(|hold| hold.spend(260, NOW));
        drop(holds);
        assert_eq!(budget.balance(NOW), Balance { in_flight: 0, used: 1040, held: 0 });
        let refused = budget.hold(demand(1, 1), NOW).unwrap_err();
        let wait = refused.retry_after().unwrap().as_secs();
        assert!((DAY_S..=DAY_S + 300).contains(&wait), "{refused:?}");
        assert!(budget.hold(demand(1, 1), NOW + wait - 1).is_err());
        assert!(budget.hold(demand(1, 1), NOW + wait).is_ok());
    }

    #[test]
    fn request_that_never_fits_is_told_so_and_one_of_no_stated_length_fits_an_empty_budget() {
        let budget = budget(None, Some(500));
        let refused = budget.hold(demand(100, 401), NOW).unwrap_err();
        assert_eq!(refused, Spent::TooLarge { limit: 500, needed: 501 });
        assert_eq!(refused.retry_after(), None);
        let hold = budget.hold(Demand { prompt: 100, answer: None }, NOW).unwrap();
        assert_eq!(budget.balance(NOW).held, 500);
        drop(hold);
        assert!(budget.hold(Demand { prompt: 501, answer: None }, NOW).is_err());
    }

    #[test]
    fn what_was_spent_is_there_again_after_a_restart() {
        let before = budget(None, Some(500));
        before.hold(demand(1, 1), NOW - 3600).unwrap().spend(300, NOW - 3600);
        before.hold(demand(1, 1), NOW).unwrap().spend(100, NOW);
        let kept = before.take_changed();
        assert_eq!((kept.len(), before.take_changed()), (2, Vec::new()));
        let after = budget(None, Some(500));
        kept.iter().for_each(|spending| after.restore(*spending, NOW));
        assert_eq!(after.balance(NOW).used, 400);
        assert_eq!(after.balance(NOW + DAY_S + 300 - 3600).used, 100);
    }
}
