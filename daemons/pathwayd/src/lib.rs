//! The durable log of what worked: pathways, their versions, their search.
//!
//! A pathway is acknowledged when it is on disk; the playbook memory in vectord is a cache that can be refilled from
//! here.

mod config;
mod routes;
mod store;

pub use config::Config;

use std::time::Duration;

use service::{App, Env};
use tracing::warn;

use store::Store;

/// How often idempotency keys that have served their time are forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// Builds pathwayd over `pathways.db` in its data folder.
///
/// # Errors
/// When the database cannot be opened: see [`ledger::Ledger::open`].
#[expect(clippy::unused_async, reason = "the signature is that of every daemon")]
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    let store = Store::open(&env.data_dir.join("pathways.db"))?;
    let (sweeper, shutdown) = (store.clone(), env.shutdown.clone());
    env.tasks.spawn(shutdown.run_until_cancelled_owned(sweep(sweeper, config.idempotency_retention())));
    let closing = store.clone();
    Ok(App::new()
        .read(routes::read(store.clone()))
        .write(routes::write(store))
        .on_shutdown(async move { closing.close().await }))
}

async fn sweep(store: Store, retention: Duration) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        if let Err(error) = store.forget_keys(retention).await {
            warn!(%error, "forget old idempotency keys");
        }
    }
}
