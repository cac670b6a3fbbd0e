//! Who may run now: a bounded number of queries at once, a bounded number waiting, for a bounded time.
//!
//! A short burst waits its turn instead of failing; what does not fit is told to come again, before it costs anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use service::ApiError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wire::ErrorCode;

use crate::Config;

/// The door. First come, first served.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    patience: Duration,
}

impl Admission {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            running: Arc::new(Semaphore::new(config.max_queries.max(1))),
            waiting: Arc::new(Semaphore::new(config.max_queued)),
            patience: Duration::from_millis(config.queue_timeout_ms),
        }
    }

    /// Waits for a turn, `remaining` at most; the query runs as long as the permit is held. A caller who leaves while it waits
    /// leaves its place.
    ///
    /// # Errors
    /// 429 with `Retry-After` when too many wait already, or none of those that run ended in time.
    pub(crate) async fn admit(&self, remaining: Duration) -> Result<OwnedSemaphorePermit, ApiError> {
        let began = Instant::now();
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(overloaded("queryd.max_queries queries run and queryd.max_queued wait already"));
        };
        let turn = Arc::clone(&self.running).acquire_owned();
        match tokio::time::timeout(self.patience.min(remaining), turn).await {
            Ok(Ok(permit)) => {
                metrics::histogram!("query_queue_seconds").record(began.elapsed());
                Ok(permit)
            }
            Ok(Err(_)) | Err(_) => Err(overloaded(
                "queryd.max_queries queries run, and none ended within queryd.queue_timeout_ms",
            )),
        }
    }
}

fn overloaded(detail: &str) -> ApiError {
    ApiError::new(ErrorCode::Overloaded, detail)
}
