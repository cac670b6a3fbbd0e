//! How opening a store fails, and how to tell a full disk.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL names no store.
    #[error("{url:?} does not name an object store: {reason}")]
    Url {
        /// The URL as it was given.
        url: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// The URL is for a store that this build does not include.
    #[error(
        "{url:?} needs S3 support, which this build lacks: build with `cargo build --features objects/aws`"
    )]
    NotBuilt {
        /// The URL as it was given.
        url: String,
    },
    /// A file or folder of a local store cannot be used.
    #[error("{action} {}", path.display())]
    Io {
        /// What was tried, as a verb phrase.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A remote store refused its configuration.
    #[error("configuring the object store")]
    Store(#[from] object_store::Error),
}

/// An I/O error together with what was tried on which file.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}", path.display())]
pub(crate) struct IoError {
    pub(crate) action: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

impl From<IoError> for Error {
    fn from(IoError { action, path, source }: IoError) -> Self {
        Self::Io { action, path, source }
    }
}

impl From<IoError> for object_store::Error {
    fn from(error: IoError) -> Self {
        let path = error.path.display().to_string();
        match error.source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Self::NotFound { path, source: error.into() }
            }
            io::ErrorKind::PermissionDenied => Self::PermissionDenied { path, source: error.into() },
            _ => Self::Generic { store: "LocalStore", source: error.into() },
        }
    }
}

/// Names the action and the file of an I/O error.
pub(crate) trait IoContext<T> {
    fn context(self, action: &'static str, path: &std::path::Path) -> Result<T, IoError>;
}

impl<T> IoContext<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &std::path::Path) -> Result<T, IoError> {
        self.map_err(|source| IoError { action, path: path.to_owned(), source })
    }
}

/// Whether a write failed because no space is left: the disk is full, a quota is used up, or the file too large.
pub fn is_storage_full(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(
            kind,
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
        ) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_disk_is_recognised_through_all_wrappings() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let inner = IoError { action: "writing", path: "/x".into(), source: full };
        assert!(is_storage_full(&object_store::Error::from(inner)));
        let other =
            IoError { action: "writing", path: "/x".into(), source: io::ErrorKind::BrokenPipe.into() };
        assert!(!is_storage_full(&object_store::Error::from(other)));
    }
}
