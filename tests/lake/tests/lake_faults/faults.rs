//! What goes wrong, by seed: which operation fails, when, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

/// What happens to one operation of the object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// It fails, and nothing has happened.
    StoreFailsBefore,
    /// It happens, and is said to have failed.
    StoreFailsAfter,
    /// It takes a while.
    StoreDelays,
    /// The process dies before it.
    DeathBeforeStore,
    /// The process dies after it, and does not learn of it.
    DeathAfterStore,
    /// The call to catalogd does not arrive.
    CallLost,
    /// The call to catalogd arrives and is served, its answer is lost.
    AnswerLost,
    /// The caller hears nothing, and the call arrives later.
    CallStillOnItsWay,
    /// catalogd dies before it serves the call.
    CatalogdDiesBeforeCall,
    /// catalogd dies when it has served the call and not yet answered.
    CatalogdDiesAfterCall,
    /// ingestd dies when catalogd's answer is on its way: between the commit and what it remembers of it.
    IngestdDiesAtAnswer,
    /// The client hangs up before ingestd has answered.
    ClientHangsUp,
}

/// How many operations of a hundred meet a fault, at most; each seed has a rate of its own.
const MAX_RATE_PERCENT: u32 = 14;

/// How likely trouble of the network befalls the next call too.
const LASTING: f64 = 0.7;

/// Draws faults, and counts them.
pub(crate) struct Faults {
    state: Mutex<State>,
}

struct State {
    rng: ChaCha8Rng,
    rate: f64,
    is_on: bool,
    /// What has just gone wrong in the network, and may go on.
    trouble: Option<Fault>,
    counts: BTreeMap<Fault, u64>,
}

impl Faults {
    pub(crate) fn of_seed(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let rate = f64::from(rng.random_range(2..=MAX_RATE_PERCENT)) / 100.0;
        Self { state: Mutex::new(State { rng, rate, is_on: false, trouble: None, counts: BTreeMap::new() }) }
    }

    /// Lets things go wrong, or not.
    pub(crate) fn turn(&self, is_on: bool) {
        self.state.lock().is_on = is_on;
    }

    pub(crate) fn counts(&self) -> BTreeMap<Fault, u64> {
        self.state.lock().counts.clone()
    }

    /// What happens to the next operation that changes the store.
    pub(crate) fn of_store(&self) -> Option<Fault> {
        use Fault::{DeathAfterStore, DeathBeforeStore, StoreDelays, StoreFailsAfter, StoreFailsBefore};
        self.draw(&[
            (StoreFailsBefore, 6),
            (StoreFailsAfter, 6),
            (StoreDelays, 4),
            (DeathBeforeStore, 2),
            (DeathAfterStore, 2),
        ])
    }

    /// What happens to the next call to catalogd. Trouble of the network lasts: what befell a commit often befalls the
    /// question what became of it too, and then nobody knows.
    pub(crate) fn of_call(&self) -> Option<Fault> {
        use Fault::{
            AnswerLost, CallLost, CallStillOnItsWay, CatalogdDiesAfterCall, CatalogdDiesBeforeCall,
            IngestdDiesAtAnswer,
        };
        if let Some(lasting) = self.lasting() {
            return Some(lasting);
        }
        let fault = self.draw(&[
            (CallLost, 3),
            (AnswerLost, 5),
            (CallStillOnItsWay, 3),
            (CatalogdDiesBeforeCall, 2),
            (CatalogdDiesAfterCall, 3),
            (IngestdDiesAtAnswer, 4),
        ]);
        let is_of_the_network = |fault: &Fault| matches!(fault, CallLost | AnswerLost | CallStillOnItsWay);
        self.state.lock().trouble = fault.filter(is_of_the_network);
        fault
    }

    /// The last trouble of the network, if it goes on.
    fn lasting(&self) -> Option<Fault> {
        let mut state = self.state.lock();
        let goes_on = state.rng.random_bool(LASTING) && state.is_on;
        state.trouble = state.trouble.filter(|_| goes_on);
        let fault = state.trouble?;
        *state.counts.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// Whether the client hangs up on its next request.
    pub(crate) fn of_request(&self) -> Option<Fault> {
        self.draw(&[(Fault::ClientHangsUp, 1)])
    }

    fn draw(&self, weights: &[(Fault, u32)]) -> Option<Fault> {
        let mut state = self.state.lock();
        // Drawn in any case: what is turned off in between does not move what comes after.
        let (strikes, mut ticket) = {
            let rate = state.rate;
            let total: u32 = weights.iter().map(|(_, weight)| weight).sum();
            (state.rng.random_bool(rate), state.rng.random_range(0..total))
        };
        if !strikes || !state.is_on {
            return None;
        }
        for (fault, weight) in weights {
            if ticket < *weight {
                *state.counts.entry(*fault).or_default() += 1;
                return Some(*fault);
            }
            ticket -= weight;
        }
        None
    }

    /// A short while.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_micros(self.state.lock().rng.random_range(100..6000))
    }

    /// One of `n`.
    pub(crate) fn choose(&self, n: usize) -> usize {
        self.state.lock().rng.random_range(0..n)
    }
}
