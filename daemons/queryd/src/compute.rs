//! Where queries compute: on threads of their own, as many as one query uses.
//!
//! On those that serve requests, a long query would hold up `/healthz`; and these run in short turns, between which a query
//! finds its data gone from the caches: TPC-H took 10 % longer (docs/decisions/0035-sql-speed.md).

use std::io;
use std::time::Duration;

use service::ApiError;
use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

/// The threads. They end in the background when this is dropped.
#[derive(Debug)]
pub(crate) struct Compute(Option<Runtime>);

impl Compute {
    pub(crate) fn start(threads: usize) -> io::Result<Self> {
        let take_long_turns = || {
            if let Err(error) = scheduling::ask_for(Duration::ZERO) {
                tracing::debug!(%error, "queries compute in turns as short as those of requests");
            }
        };
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(threads).thread_name("query").on_thread_start(take_long_turns).enable_all();
        Ok(Self(Some(builder.build()?)))
    }

    /// Runs `work` there. It ends when the returned future is dropped.
    ///
    /// # Errors
    /// 500 when it panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ApiError> {
        let Some(runtime) = &self.0 else { unreachable!("taken only when this is dropped") };
        AbortOnDropHandle::new(runtime.spawn(work)).await.map_err(ApiError::internal)
    }
}

impl Drop for Compute {
    fn drop(&mut self) {
        // To wait for its threads is not allowed where others of tokio run.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
