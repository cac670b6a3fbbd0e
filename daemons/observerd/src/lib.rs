//! Events and statistics about them: what happened, to whom, and how well it went.
//!
//! Events are acknowledged when they are on disk, count once by their id, and are kept for a bounded time.

mod config;
mod routes;
mod store;

pub use config::Config;

use std::time::Duration;

use service::{App, Env};
use tracing::warn;

use store::{Retention, Store};

/// How often events that are past their retention are deleted.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Builds observerd over `events.db` in its data folder.
///
/// # Errors
/// When the database cannot be opened: see [`ledger::Ledger::open`].
#[expect(clippy::unused_async, reason = "the signature is that of every daemon")]
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    let store = Store::open(&env.data_dir.join("events.db"))?;
    let sweep = sweep(store.clone(), config.retention());
    env.tasks.spawn(env.shutdown.clone().run_until_cancelled_owned(sweep));
    let closing = store.clone();
    Ok(App::new()
        .read(routes::read(store.clone()))
        .write(routes::write(store))
        .on_shutdown(async move { closing.close().await }))
}

async fn sweep(store: Store, retention: Retention) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = store.prune(retention).await {
            warn!(%error, "delete events past their retention");
        }
    }
}
