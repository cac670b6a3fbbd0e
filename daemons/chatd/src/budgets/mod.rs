//! What each caller may ask, by the key that it sends.
//!
//! A key that `[[chatd.budgets]]` has is held to that entry, every other one to `[chatd.default_budget]`, and all callers
//! without a key share one such budget. Of keys only digests are kept.

mod bookkeeper;
mod caller;
mod config;
mod store;

use std::collections::HashMap;
use std::sync::Arc;

use llm::budget::{Balance, Budget, Demand, Hold, Limits, Spent, now_s};
use parking_lot::Mutex;
use service::ApiError;
use wire::ErrorCode;
use wire::chat::{BudgetStatus, ChatRequest};

pub(crate) use bookkeeper::Bookkeeper;
pub(crate) use caller::Caller;
use caller::Digest;
pub use config::BudgetConfig;

/// Keys without an entry of their own that are counted apart. Further ones share a budget: where no tokens are configured in
/// `[auth]`, a caller may make up as many keys as it likes.
const MAX_KEYS: usize = 4096;
/// How often, at most, all of them are looked through for those that have nothing to their account any more.
const SWEEP_S: u64 = 60;
/// What those without an entry are called.
const DEFAULT: &str = "default";

/// The budgets of all callers.
pub(crate) struct Budgets {
    named: HashMap<Digest, Named>,
    default: Limits,
    /// Of callers without a key, and of keys beyond [`MAX_KEYS`].
    shared: Arc<Budget>,
    others: Mutex<Others>,
}

struct Named {
    name: String,
    budget: Arc<Budget>,
}

#[derive(Default)]
struct Others {
    budgets: HashMap<Digest, Arc<Budget>>,
    swept_s: u64,
}

impl Budgets {
    /// Reads the keys.
    pub(crate) fn new(default: Limits, configs: &[BudgetConfig]) -> anyhow::Result<Self> {
        let (mut named, mut names) = (HashMap::new(), Vec::new());
        for config in configs {
            anyhow::ensure!(
                !names.contains(&&config.name) && config.name != DEFAULT,
                "two budgets are named {:?} in [[chatd.budgets]]",
                config.name
            );
            names.push(&config.name);
            let entry = Named { name: config.name.clone(), budget: Budget::new(config.limits()) };
            let previous = named.insert(Digest::of(config.key()?.expose()), entry);
            anyhow::ensure!(previous.is_none(), "budget {:?} has the key of another one", config.name);
        }
        Ok(Self { named, default, shared: Budget::new(default), others: Mutex::default() })
    }

    /// Takes from the caller's budget what `request` may cost, until the hold is dropped; `None` where nothing is limited.
    ///
    /// # Errors
    /// 429 with the time after which there is room, 400 if there never is.
    pub(crate) fn hold(&self, caller: &Caller, request: &ChatRequest) -> Result<Option<Hold>, ApiError> {
        let named = caller.key.and_then(|key| self.named.get(&key));
        let name = named.map_or(DEFAULT, |named| named.name.as_str());
        if named.is_none() && self.default == Limits::default() {
            return Ok(None);
        }
        let (demand, now) = (Demand::of(request), now_s());
        let held = match (named, caller.key) {
            (Some(named), _) => named.budget.hold(demand, now),
            (None, None) => self.shared.hold(demand, now),
            // Under the lock, so that no budget goes that is just being asked for.
            (None, Some(key)) => self.of_other(&mut self.others.lock(), key, now).hold(demand, now),
        };
        held.map(Some).map_err(|spent| refusal(name, &spent))
    }

    /// The budget of a key that has no entry.
    fn of_other(&self, others: &mut Others, key: Digest, now: u64) -> Arc<Budget> {
        if let Some(budget) = others.budgets.get(&key) {
            return Arc::clone(budget);
        }
        if others.budgets.len() >= MAX_KEYS && others.swept_s + SWEEP_S <= now {
            others.swept_s = now;
            let nothing = Balance { in_flight: 0, used: 0, held: 0 };
            others.budgets.retain(|_, budget| budget.balance(now) != nothing);
        }
        if others.budgets.len() >= MAX_KEYS {
            return Arc::clone(&self.shared);
        }
        let budget = Budget::new(self.default);
        others.budgets.insert(key, Arc::clone(&budget));
        budget
    }

    /// How each named budget stands, and all others together.
    pub(crate) fn status(&self) -> Vec<BudgetStatus> {
        let now = now_s();
        let mut all: Vec<_> = self.named.values().map(|named| status(named, now)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let others = self.others.lock();
        let mut sum = BudgetStatus {
            name: DEFAULT.to_owned(),
            keys: others.budgets.len(),
            max_concurrent: self.default.max_concurrent,
            tokens_per_day: self.default.tokens_per_day,
            ..BudgetStatus::default()
        };
        for budget in others.budgets.values().chain([&self.shared]) {
            add(&mut sum, budget.balance(now));
        }
        all.push(sum);
        all
    }

    /// Every budget that counts tokens, under the name by which it is kept.
    fn each(&self) -> Vec<(String, Arc<Budget>)> {
        let named = self.named.iter().map(|(key, named)| (key.to_string(), Arc::clone(&named.budget)));
        let others = self.others.lock();
        let others = others.budgets.iter().map(|(key, budget)| (key.to_string(), Arc::clone(budget)));
        let shared = (DEFAULT.to_owned(), Arc::clone(&self.shared));
        let all = named.chain(others).chain([shared]);
        all.filter(|(_, budget)| bookkeeper::counts_tokens(budget)).collect()
    }

    /// The budget that was kept under `name`.
    fn find(&self, name: &str, now: u64) -> Option<Arc<Budget>> {
        if name == DEFAULT {
            return Some(Arc::clone(&self.shared));
        }
        let key = Digest::parse(name)?;
        let named = self.named.get(&key).map(|named| Arc::clone(&named.budget));
        named.or_else(|| Some(self.of_other(&mut self.others.lock(), key, now)))
    }
}

fn status(named: &Named, now: u64) -> BudgetStatus {
    let Limits { max_concurrent, tokens_per_day } = named.budget.limits();
    let mut status = BudgetStatus {
        name: named.name.clone(),
        keys: 1,
        max_concurrent,
        tokens_per_day,
        ..Default::default()
    };
    add(&mut status, named.budget.balance(now));
    status
}

fn add(status: &mut BudgetStatus, Balance { in_flight, used, held }: Balance) {
    status.in_flight += u64::from(in_flight);
    status.tokens_used += used;
    status.tokens_held += held;
}

fn refusal(name: &str, spent: &Spent) -> ApiError {
    let budget = name.to_owned();
    metrics::counter!("chatd_budget_refusals_total", "budget" => budget, "reason" => spent.reason())
        .increment(1);
    let detail = format!("the budget {name:?} of your key is spent: {spent}");
    match spent.retry_after() {
        Some(wait) => ApiError::new(ErrorCode::Overloaded, detail).retry_after(wait),
        None => ApiError::invalid(spent),
    }
}
