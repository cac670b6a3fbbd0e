//! How the ledger fails, and what each failure means for the caller.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ffi;
use wire::ErrorCode;

/// A failure of the ledger itself. Clonable, because a failed commit fails every write of its group.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The file or its folder cannot be used.
    #[error("cannot open the database {}", path.display())]
    Open {
        /// The database.
        path: PathBuf,
        /// Why.
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// A later release wrote the database.
    #[error(
        "the database {} has schema version {found}, this binary knows versions up to {known}: \
         start the newer release, or restore a backup from before the upgrade",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version that the database has.
        found: u32,
        /// The newest version that this binary knows.
        known: u32,
    },
    /// The database fails SQLite's own check, or is not a database.
    #[error(
        "the database {} is damaged ({detail}): stop the daemon, keep a copy of the file with its -wal and -shm, \
         then restore a backup, or salvage it with `sqlite3 FILE .recover`",
        path.display()
    )]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite found.
        detail: String,
    },
    /// The disk, or the quota, is full. Nothing of the write remains.
    #[error("no space is left for the database")]
    DiskFull,
    /// Another process held the database for longer than the busy timeout. Try again.
    #[error("the database is locked by another process")]
    Busy,
    /// SQLite gave up the whole group because of another write in it. Try again.
    #[error("the write was undone together with another one that failed")]
    GroupLost,
    /// The closure panicked. What it wrote is undone.
    #[error("a database operation panicked")]
    Panicked,
    /// The ledger has been closed.
    #[error("the database is closed")]
    Closed,
    /// Anything else that SQLite reports.
    #[error("the database operation failed")]
    Sqlite(#[source] Arc<rusqlite::Error>),
}

impl Error {
    /// The code under which a daemon reports this failure.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::DiskFull => ErrorCode::InsufficientStorage,
            Self::Corrupt { .. } => ErrorCode::DataCorrupt,
            Self::Busy | Self::GroupLost | Self::Closed => ErrorCode::Unavailable,
            Self::Open { .. } | Self::Newer { .. } | Self::Panicked | Self::Sqlite(_) => ErrorCode::Internal,
        }
    }

    pub(crate) fn open(path: &Path, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::Open { path: path.to_owned(), source: Arc::new(source) }
    }

    /// As `From`, where the file is known although SQLite's error does not carry it.
    pub(crate) fn at(path: &Path, error: rusqlite::Error) -> Self {
        match Self::from(error) {
            Self::Corrupt { detail, .. } => Self::Corrupt { path: path.to_owned(), detail },
            Self::Sqlite(source) => Self::Open { path: path.to_owned(), source },
            other => other,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Sqlite;
        let rusqlite::Error::SqliteFailure(failure, _) = &error else {
            return Self::Sqlite(Arc::new(error));
        };
        match (failure.code, failure.extended_code) {
            // Growing the -shm file reports a full disk as an I/O error of its own.
            (Sqlite::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => Self::DiskFull,
            (Sqlite::DatabaseBusy | Sqlite::DatabaseLocked, _) => Self::Busy,
            (Sqlite::DatabaseCorrupt | Sqlite::NotADatabase, _) => {
                Self::Corrupt { path: PathBuf::new(), detail: error.to_string() }
            }
            _ => Self::Sqlite(Arc::new(error)),
        }
    }
}
