//! The open store, and the way to it from async code.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use service::{ApiError, Env, Readiness};
use tokio::sync::Semaphore;
use uuid::Uuid;
use vector_index::{Error, Listed, Settings, Store, Version};
use wire::ErrorCode;

use crate::Config;
use crate::error::to_api;
use crate::leases::Leases;
use crate::load::Load;
use crate::telemetry::{self, TimedDisk};

/// Under which `/readyz` says that the indexes are not open yet.
const OPENING: &str = "indexes";

/// All indexes of this daemon.
pub(crate) struct Indexes {
    /// Empty while the indexes are being opened.
    store: OnceLock<Store>,
    readiness: Readiness,
    /// Tells this process from those before it: see [`Indexes::incarnation`].
    process: Uuid,
    /// Candidates that a graph search keeps where the request does not say.
    pub(crate) default_ef: usize,
    /// One for each long search that computes.
    long_turns: Arc<Semaphore>,
    /// Which indexes are not to change yet in anybody's eyes.
    pub(crate) leases: Leases,
}

impl Indexes {
    pub(crate) fn new(config: &Config, readiness: Readiness) -> Self {
        readiness.not_ready(OPENING, "the indexes are being opened");
        Self {
            store: OnceLock::new(),
            readiness,
            process: Uuid::new_v4(),
            default_ef: config.index.search_breadth,
            long_turns: Arc::new(Semaphore::new(config.search_permits())),
            leases: Leases::new(Instant::now()),
        }
    }

    pub(crate) fn store(&self) -> Option<&Store> {
        self.store.get()
    }

    /// The store, or 503 while it is being opened.
    pub(crate) fn opened(&self) -> Result<&Store, ApiError> {
        self.store().ok_or_else(|| ApiError::new(ErrorCode::Unavailable, "the indexes are being opened"))
    }

    /// The name of what `version` counts the changes of. An index gets another one whenever it is put into service: what a
    /// restart finds may be an older copy of the folder, whose versions come again with other items.
    pub(crate) fn incarnation(&self, version: Version) -> String {
        format!("{}-{}", self.process.simple(), version.opening)
    }

    /// Runs `work`, which blocks, off the async threads.
    pub(crate) async fn run<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let done = tokio::task::spawn_blocking(move || {
            let done = work(self.opened()?);
            done.map_err(|error| self.note(error))
        });
        done.await.map_err(ApiError::internal)?
    }

    /// Runs `work`, which changes the index `name`, and comes back when the change may be acknowledged.
    pub(crate) async fn change<T: Send + 'static>(
        self: Arc<Self>,
        name: &str,
        work: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let done = Arc::clone(&self).run(work).await?;
        let acknowledged = self.leases.changed(name, Instant::now());
        tokio::time::sleep_until(acknowledged.into()).await;
        Ok(done)
    }

    /// Searches: `prepare` says what for and how long it may take, `work` does it.
    ///
    /// A short search stays on its async thread: the way to another thread and back costs as much as it computes. A long
    /// one leaves the async threads; it keeps its turn until it is done even if the caller gives up.
    pub(crate) async fn search<S: Send + 'static, T: Send + 'static>(
        &self,
        prepare: impl FnOnce() -> Result<(S, Load), ApiError>,
        work: impl FnOnce(S) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let (searches, load) = prepare()?;
        if load.is_short() {
            return work(searches);
        }
        let turn = Arc::clone(&self.long_turns).acquire_owned().await.map_err(ApiError::internal)?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(searches)
        });
        done.await.map_err(ApiError::internal)?
    }

    /// Keeps `/readyz` honest about what has just been learnt.
    fn note(&self, error: Error) -> ApiError {
        if let Error::Poisoned { name, .. } = &error {
            self.readiness.degrade(&condition(name), error.to_string());
        }
        to_api(error)
    }

    /// Says that nothing is wrong with an index any more: it is gone.
    pub(crate) fn forget(&self, name: &str) {
        self.readiness.restore(&condition(name));
        self.leases.forget(name, Instant::now());
    }
}

fn condition(name: &str) -> String {
    format!("index {name}")
}

/// Opens the indexes in the background; the daemon is ready afterwards.
pub(crate) fn spawn_open(indexes: &Arc<Indexes>, settings: Settings, env: &Env) {
    let indexes = Arc::clone(indexes);
    let root = env.data_dir.join("indexes");
    env.tasks.spawn_blocking(move || {
        let store = match Store::open_on(&root, settings, Arc::new(TimedDisk)) {
            Ok(store) => store,
            Err(error) => {
                let cause = format!("{:#}", anyhow::Error::new(error));
                tracing::error!(cause, "the indexes could not be opened");
                indexes.readiness.not_ready(OPENING, format!("the indexes could not be opened: {cause}"));
                return;
            }
        };
        for listed in store.list() {
            if let Listed::Quarantined { name, reason } = listed {
                indexes
                    .readiness
                    .degrade(&condition(&name), format!("index {name} is quarantined: {reason}"));
            }
        }
        // Nobody else sets it.
        let _ = indexes.store.set(store);
        telemetry::refresh(&indexes);
        indexes.readiness.ready(OPENING);
    });
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// How long a test waits for what must happen.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn long_search_leaves_the_async_threads_to_others() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (begin, begun) = mpsc::channel();
        let (answer, answered) = mpsc::channel();
        let (open, opened) = mpsc::channel();

        let indexes = Arc::new(Indexes::new(&Config::default(), Readiness::default()));
        let search = runtime.spawn(async move {
            let work = move |()| {
                begin.send(()).unwrap();
                opened.recv_timeout(PATIENCE).map_err(ApiError::internal)
            };
            indexes.search(|| Ok(((), Load::LONG)), work).await
        });
        begun.recv_timeout(PATIENCE).unwrap();
        runtime.spawn(async move { answer.send(()) });
        answered.recv_timeout(PATIENCE).expect("the only async thread answers while the search computes");
        open.send(()).unwrap();
        runtime.block_on(search).unwrap().unwrap();
    }
}
