//! The open store, and the way to it from async code.

use std::sync::{Arc, OnceLock};

use service::{ApiError, Env, Readiness};
use tokio::sync::Semaphore;
use vector_index::{Error, Listed, Settings, Store};
use wire::ErrorCode;

use crate::error::to_api;
use crate::telemetry::{self, TimedDisk};

/// Under which `/readyz` says that the indexes are not open yet.
const OPENING: &str = "indexes";

/// All indexes of this daemon.
pub(crate) struct Indexes {
    /// Empty while the indexes are being opened.
    store: OnceLock<Store>,
    readiness: Readiness,
    /// One for each search that computes.
    searching: Arc<Semaphore>,
}

impl Indexes {
    pub(crate) fn new(search_permits: usize, readiness: Readiness) -> Self {
        readiness.not_ready(OPENING, "the indexes are being opened");
        Self { store: OnceLock::new(), readiness, searching: Arc::new(Semaphore::new(search_permits)) }
    }

    pub(crate) fn store(&self) -> Option<&Store> {
        self.store.get()
    }

    /// Runs `work`, which blocks, off the async threads.
    pub(crate) async fn run<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let done = tokio::task::spawn_blocking(move || {
            let opening = || ApiError::new(ErrorCode::Unavailable, "the indexes are being opened");
            let done = work(self.store().ok_or_else(opening)?);
            done.map_err(|error| self.note(error))
        });
        done.await.map_err(ApiError::internal)?
    }

    /// The same for a search: it waits for its turn, and keeps it until it is done even if the caller gives up.
    pub(crate) async fn search<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = Arc::clone(&self.searching).acquire_owned().await.map_err(ApiError::internal)?;
        self.run(move |store| {
            let _turn = turn;
            work(store)
        })
        .await
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
