//! Keeps what has been spent over a restart.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use llm::Chat;
use llm::budget::{Budget, now_s};
use tokio::sync::Mutex;

use super::Budgets;
use super::store::Store;

/// How often what has been spent is written: a crash forgets no more than that.
const INTERVAL: Duration = Duration::from_secs(2);

/// Writes down what callers have spent, and what was spent of providers.
#[derive(Clone)]
pub(crate) struct Bookkeeper {
    budgets: Arc<Budgets>,
    /// By the names under which they are kept.
    providers: Arc<Vec<(String, Arc<Budget>)>>,
    store: Arc<Mutex<Store>>,
}

impl Bookkeeper {
    /// Reads what was spent in the last 24 hours. `None` if nothing counts tokens: then there is no file.
    ///
    /// # Errors
    /// When `file` can be neither used nor set aside.
    pub(crate) async fn open(
        file: &Path,
        budgets: &Arc<Budgets>,
        chat: &Chat,
    ) -> anyhow::Result<Option<Self>> {
        let providers = chat.budgets().filter(|(_, budget)| counts_tokens(budget));
        let providers: Vec<_> =
            providers.map(|(name, budget)| (format!("provider:{name}"), Arc::clone(budget))).collect();
        if providers.is_empty() && budgets.each().is_empty() {
            return Ok(None);
        }
        let (store, now) = (Store::open(file)?, now_s());
        for (name, spending) in store.spendings(now).await? {
            let provider = providers.iter().find(|(known, _)| *known == name);
            let budget = provider.map(|(_, budget)| Arc::clone(budget)).or_else(|| budgets.find(&name, now));
            if let Some(budget) = budget.filter(|budget| counts_tokens(budget)) {
                budget.restore(spending, now);
            }
        }
        let (providers, store) = (Arc::new(providers), Arc::new(Mutex::new(store)));
        Ok(Some(Self { budgets: Arc::clone(budgets), providers, store }))
    }

    /// Writes what has been spent since the last time, again and again.
    pub(crate) async fn run(self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        loop {
            ticks.tick().await;
            self.write().await;
        }
    }

    /// Writes it for the last time.
    pub(crate) async fn close(self) {
        self.write().await;
        self.store.lock().await.close().await;
    }

    async fn write(&self) {
        let mut store = self.store.lock().await;
        for (name, budget) in self.budgets.each().iter().chain(self.providers.iter()) {
            store.note(name, budget.take_changed());
        }
        if let Err(error) = store.write(now_s()).await {
            tracing::warn!(%error, "what was spent of the budgets is not on disk yet");
        }
    }
}

pub(super) fn counts_tokens(budget: &Budget) -> bool {
    budget.limits().tokens_per_day.is_some()
}
