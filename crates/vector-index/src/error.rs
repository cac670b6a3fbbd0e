//! How this crate fails, and what the caller can do about it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::distance::Distance;
use crate::filter::FilterError;

/// Why an operation did not happen.
#[derive(Debug, Error)]
pub enum Error {
    /// The request breaks a rule; nothing was stored. Fix the request.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// No index has this name. Create it.
    #[error("there is no index named {name:?}")]
    NotFound {
        /// The name asked for.
        name: String,
    },
    /// An index of this name exists with other properties. Use those, or drop it.
    #[error("index {name:?} exists with dimension {dimension} and distance {distance}")]
    Exists {
        /// The name asked for.
        name: String,
        /// Numbers per vector in the index that exists.
        dimension: usize,
        /// The distance of the index that exists.
        distance: Distance,
    },
    /// The files of this index failed a check; other indexes are not affected. Drop it and load it anew.
    #[error("index {name:?} is quarantined: {reason}. DELETE it, then create and load it anew")]
    Quarantined {
        /// The damaged index.
        name: String,
        /// Which check failed, and where.
        reason: String,
    },
    /// An archive for this name is being imported. Wait until it is there.
    #[error("an archive is being imported as index {name:?}: wait until it is there")]
    BeingImported {
        /// The name asked for.
        name: String,
    },
    /// What should be imported is not a whole archive of an index that this build can read; nothing was imported.
    #[error("the archive is refused: {reason}; nothing was imported")]
    Archive {
        /// Which check failed, and where.
        reason: String,
    },
    /// The device is full: nothing was stored, reads go on. Free space and try again.
    #[error("no space left on the device: nothing was stored, searches go on")]
    DiskFull,
    /// An earlier sync failed, so that what reached the disk is unknown: no write is acknowledged until the
    /// index is opened again (<https://wiki.postgresql.org/wiki/Fsync_Errors>).
    #[error("index {name:?} takes no writes: {reason}. Restart to open it again; searches go on")]
    Poisoned {
        /// The index.
        name: String,
        /// What failed.
        reason: String,
    },
    /// A file operation failed; nothing was acknowledged.
    #[error("{action} {}", path.display())]
    Io {
        /// A verb phrase, as in "open".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Stored bytes failed a check while an index was opened, which becomes [`Error::Quarantined`], or exported.
    #[error("{}: {reason}", file.display())]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Which check failed, and at which offset.
        reason: String,
    },
    /// A write was abandoned by a fault of this crate; whether it is stored is unknown until it is read back.
    #[error("the write was abandoned: read back before trying again")]
    Abandoned,
}

impl Error {
    /// A failed file operation; a full device is told apart because the caller can do something about it.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    /// The same once more, for another writer in the commit that failed.
    pub(crate) fn repeat(&self) -> Self {
        match self {
            Self::DiskFull => Self::DiskFull,
            Self::NotFound { name } => Self::NotFound { name: name.clone() },
            Self::Poisoned { name, reason } => Self::Poisoned { name: name.clone(), reason: reason.clone() },
            Self::Io { action, path, source } => {
                let source = io::Error::new(source.kind(), source.to_string());
                Self::Io { action, path: path.clone(), source }
            }
            _ => Self::Abandoned,
        }
    }

    pub(crate) fn corrupt(file: &Path, reason: impl Into<String>) -> Self {
        Self::Corrupt { file: file.to_owned(), reason: reason.into() }
    }
}

/// Which rule a request breaks. The texts say what was expected.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum Invalid {
    /// The name of an index.
    #[error("{0}")]
    Name(String),
    /// The id of an item.
    #[error("{0}")]
    Id(String),
    /// An index with no or too many numbers per vector.
    #[error("dimension must be 1 to {max}, not {got}", max = crate::MAX_DIMENSION)]
    IndexDimension {
        /// What was asked for.
        got: usize,
    },
    /// A vector of another dimension than the index.
    #[error("the index holds vectors of {expected} numbers, this one has {got}")]
    Dimension {
        /// Numbers per vector in the index.
        expected: usize,
        /// Numbers in the vector given.
        got: usize,
    },
    /// NaN or an infinity.
    #[error("every number of a vector must be finite, the one at position {position} is {value}")]
    NotFinite {
        /// Position in the vector, from 0.
        position: usize,
        /// What stands there.
        value: f32,
    },
    /// A vector without direction, under cosine.
    #[error("cosine distance needs a direction: a vector of zeros has none")]
    ZeroVector,
    /// A vector so long that distances to it would overflow f32.
    #[error("a vector's length must be below 1e18 under dot and euclidean, this one's is {length:e}")]
    TooLong {
        /// Its Euclidean length.
        length: f64,
    },
    /// No or too many results asked for.
    #[error("k must be 1 to {max}, not {got}", max = wire::names::MAX_K)]
    K {
        /// What was asked for.
        got: usize,
    },
    /// A search breadth out of bounds.
    #[error("ef must be 1 to {max}, not {got}", max = wire::names::MAX_K)]
    Ef {
        /// What was asked for.
        got: usize,
    },
    /// A malformed filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// One item of several is invalid, so none was stored.
    #[error("items[{position}]: {problem}; nothing was stored")]
    Item {
        /// Position in the request, from 0.
        position: usize,
        /// What is wrong with it.
        problem: Box<Invalid>,
    },
}
