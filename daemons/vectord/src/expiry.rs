//! Items that expire: searches pass over them at once, and a little later they are deleted.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use service::Env;

use crate::indexes::Indexes;

/// How often what has expired is deleted.
const PERIOD: Duration = Duration::from_secs(1);

/// Now, as the engine counts: Unix milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// Deletes what has expired until the daemon stops.
pub(crate) fn spawn(indexes: &Arc<Indexes>, env: &Env) {
    let (indexes, shutdown) = (Arc::clone(indexes), env.shutdown.clone());
    env.tasks.spawn(async move {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            // While the indexes are being opened there is nothing to do yet.
            let failures =
                Arc::clone(&indexes).run(|store| Ok(store.expire(now_ms()))).await.unwrap_or_default();
            for (index, failure) in failures {
                tracing::debug!(index, %failure, "expired items are not deleted yet");
            }
        }
    });
}
