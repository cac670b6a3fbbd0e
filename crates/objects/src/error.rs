//! How opening a store fails, and I/O errors that say on which file.

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
        "{url:?} needs S3 support, which this build lacks: build with the default features, or with `--features objects/aws`"
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
