//! Small transactional state in SQLite, durable on return: catalogue pointers, idempotency keys, pathways, events.
//!
//! A sync costs about 4 ms here, so writers do not each pay their own: they queue, one thread runs what has gathered
//! inside one transaction, each write in its own savepoint, and one `COMMIT` syncs them all (group commit, `writer.rs`).
//! Reads run beside that on their own connections, each in a snapshot of its own (`readers.rs`).
//!
//! The database runs in WAL mode with `synchronous=FULL`: SQLite syncs the log at every commit, so what
//! [`Ledger::write`] has returned survives a power cut (<https://www.sqlite.org/pragma.html#pragma_synchronous>).

mod aside;
mod error;
pub mod idempotency;
mod readers;
mod schema;
mod writer;

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Transaction};

pub use aside::set_aside;
pub use error::Error;
/// The SQLite binding whose types appear in the closures of [`Ledger::write`] and [`Ledger::read`].
pub use rusqlite;

use readers::Readers;
use writer::Writer;

/// An open database. Cheap to clone; all clones share one writer and one pool of readers.
#[derive(Clone)]
pub struct Ledger {
    writer: Arc<Writer>,
    readers: Arc<Readers>,
}

impl Ledger {
    /// Opens or creates the database at `path`, checks it, and applies the migrations that it has not seen.
    ///
    /// Migration `i` brings the schema to version `i + 1` (`PRAGMA user_version`); each is applied in its own
    /// transaction, so a crash leaves a whole version behind. A migration that has shipped is never edited.
    /// Blocks while it reads the whole file for the check.
    ///
    /// # Errors
    /// [`Error::Newer`] if a later release wrote the database, [`Error::Corrupt`] if it fails SQLite's check,
    /// [`Error::Open`] if the file or its folder cannot be used.
    pub fn open(path: &Path, migrations: &[&str]) -> Result<Self, Error> {
        let connection = schema::open(path, migrations)?;
        let writer = Writer::start(connection).map_err(|source| Error::open(path, source))?;
        Ok(Self { writer: Arc::new(writer), readers: Arc::new(Readers::new(path)) })
    }

    /// Runs `work` in a savepoint of its own; once this returns `Ok`, what it wrote is on disk.
    ///
    /// When `work` returns an error, what it wrote is undone and nobody else's writes are. `work` shares the
    /// writer with everybody: it computes nothing that could be computed before, and it does not wait. It must not
    /// commit, and must not rely on deferred constraints, which would fail the whole group at its `COMMIT`.
    /// If the caller stops waiting (a deadline), a write that is already queued still happens.
    ///
    /// # Errors
    /// What `work` returned, or an [`Error`] of the ledger itself. After an error of the `COMMIT` (a failing disk),
    /// the write is not visible, yet a restart may bring it back: retry it under an idempotency key.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Runs `work` on a snapshot of what has been committed, on a blocking thread.
    ///
    /// # Errors
    /// What `work` returned, or an [`Error`] of the ledger itself.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.readers.read(work).await
    }

    /// How many commits, that is syncs, there have been since the database was opened.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Finishes what is queued, then moves the write-ahead log into the database. Later writes get [`Error::Closed`].
    pub async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}
