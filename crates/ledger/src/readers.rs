//! Read connections, opened on demand, used on blocking threads, a few at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{Error, schema};

/// More would only contend: reads are short, and mostly served from the page cache.
const MAX_READERS: usize = 4;

pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default(), permits: Semaphore::new(MAX_READERS) }
    }

    pub(crate) async fn read<T, E, F>(self: &Arc<Self>, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let _permit = self.permits.acquire().await.map_err(|_| Error::Closed)?;
        let readers = Arc::clone(self);
        let outcome = tokio::task::spawn_blocking(move || readers.run(work)).await;
        outcome.unwrap_or_else(|_| Err(Error::Panicked.into()))
    }

    /// A connection whose closure panicked is dropped on the way out; the next read opens another.
    fn run<T, E: From<Error>>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let idle = self.idle.lock().pop();
        let connection = idle.map_or_else(|| schema::open_reader(&self.path), Ok).map_err(Error::from)?;
        let outcome = {
            let snapshot = connection.unchecked_transaction().map_err(Error::from)?;
            work(&snapshot)
        };
        if !self.permits.is_closed() {
            self.idle.lock().push(connection);
        }
        outcome
    }

    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle.lock().clear();
    }
}
