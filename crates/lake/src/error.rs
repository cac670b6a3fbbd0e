//! How the lake fails, by what the caller can do about it.

use objects::Outage;

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation on a table failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input cannot be part of a table; fix the input.
    #[error("{0}")]
    Invalid(String),
    /// The table uses a feature that is not built yet; nothing was read or written.
    #[error("{0}")]
    Unsupported(String),
    /// The table moved on since its metadata were loaded: load them again, then repeat the change.
    #[error("{0}")]
    Conflict(String),
    /// A location that does not belong to this warehouse.
    #[error("{location:?} is not in this warehouse: {reason}")]
    Location {
        /// The location as it was given.
        location: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// The warehouse cannot be opened.
    #[error("opening the warehouse")]
    Open(#[source] objects::Error),
    /// The object store failed.
    #[error("accessing the object store")]
    Storage(#[from] object_store::Error),
    /// Stored metadata or manifests could not be read or written.
    #[error("processing Iceberg metadata")]
    Iceberg(#[source] Box<iceberg::Error>),
    /// The rows do not fit the table's schema.
    #[error("converting rows to the table's schema")]
    Arrow(#[from] arrow::error::ArrowError),
}

impl From<iceberg::Error> for Error {
    fn from(error: iceberg::Error) -> Self {
        match error.kind() {
            iceberg::ErrorKind::CatalogCommitConflicts => Self::Conflict(error.message().to_owned()),
            iceberg::ErrorKind::FeatureUnsupported => Self::Unsupported(error.message().to_owned()),
            _ => Self::Iceberg(Box::new(error)),
        }
    }
}

impl Error {
    /// The outage of the warehouse that caused this, if one did: nothing is wrong with the request then.
    pub fn outage(&self) -> Option<Outage> {
        Outage::of(self)
    }
}
