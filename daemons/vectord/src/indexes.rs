//! The open store, and the way to it from async code.

use std::sync::{Arc, OnceLock};

use service::{ApiError, Env, Readiness};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use vector_index::{Error, Listed, Settings, Store};
use wire::ErrorCode;

use crate::Config;
use crate::error::to_api;
use crate::load::Load;
use crate::telemetry::{self, TimedDisk};

/// Under which `/readyz` says that the indexes are not open yet.
const OPENING: &str = "indexes";

/// All indexes of this daemon.
pub(crate) struct Indexes {
    /// Empty while the indexes are being opened.
    store: OnceLock<Store>,
    readiness: Readiness,
    /// Candidates that a graph search keeps where the request does not say.
    pub(crate) default_ef: usize,
    /// One for each short search that computes: one less than there are async threads.
    short_turns: Semaphore,
    /// One for each long search that computes.
    long_turns: Arc<Semaphore>,
}

impl Indexes {
    /// Called from an async thread.
    pub(crate) fn new(config: &Config, readiness: Readiness) -> Self {
        readiness.not_ready(OPENING, "the indexes are being opened");
        let async_threads = Handle::current().metrics().num_workers();
        Self {
            store: OnceLock::new(),
            readiness,
            default_ef: config.index.search_breadth,
            short_turns: Semaphore::new(async_threads.saturating_sub(1).max(1)),
            long_turns: Arc::new(Semaphore::new(config.search_permits())),
        }
    }

    pub(crate) fn store(&self) -> Option<&Store> {
        self.store.get()
    }

    /// The store, or 503 while it is being opened.
    pub(crate) fn opened(&self) -> Result<&Store, ApiError> {
        self.store().ok_or_else(|| ApiError::new(ErrorCode::Unavailable, "the indexes are being opened"))
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

    /// Searches: `prepare` says what for and how long it may take, `work` does it.
    ///
    /// A short search stays on its async thread: the way to another thread and back costs as much as it computes. Turns
    /// keep one async thread free of the engine and its locks, to take requests in and to answer `/healthz`. A long
    /// search leaves the async threads; it keeps its turn until it is done even if the caller gives up.
    pub(crate) async fn search<S: Send + 'static, T: Send + 'static>(
        &self,
        prepare: impl FnOnce() -> Result<(S, Load), ApiError>,
        work: impl FnOnce(S) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.short_turns.acquire().await.map_err(ApiError::internal)?;
        let (searches, load) = prepare()?;
        if load.is_short() {
            return work(searches);
        }
        drop(turn);
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
    fn one_async_thread_stays_free_while_short_searches_compute() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
        let (begin, begun) = mpsc::channel();
        let (answer, answered) = mpsc::channel();
        let gate = Arc::new(std::sync::RwLock::new(()));
        let closed = gate.write().unwrap();

        let indexes =
            Arc::new(runtime.block_on(async { Indexes::new(&Config::default(), Readiness::default()) }));
        let searches = (0..5).map(|_| {
            let (indexes, begin, gate) = (Arc::clone(&indexes), begin.clone(), Arc::clone(&gate));
            runtime.spawn(async move {
                let work = move |()| {
                    begin.send(()).unwrap();
                    drop(gate.read().unwrap());
                    Ok(())
                };
                indexes.search(|| Ok(((), Load::default())), work).await
            })
        });
        let searches: Vec<_> = searches.collect();
        let of_two = (begun.recv_timeout(PATIENCE), begun.recv_timeout(PATIENCE));
        runtime.spawn(async move { answer.send(()) });
        let probe = answered.recv_timeout(PATIENCE);
        let of_a_third = begun.try_recv();

        drop(closed);
        for search in searches {
            runtime.block_on(search).unwrap().unwrap();
        }
        assert_eq!((of_two, probe), ((Ok(()), Ok(())), Ok(())), "two compute, and the third thread answers");
        assert!(of_a_third.is_err(), "a third search computed on the last free thread");
    }
}
