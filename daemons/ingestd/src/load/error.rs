//! Why a body was not loaded, and the answer that says so.

use lake::Outage;
use service::ApiError;
use wire::ErrorCode;

use crate::reader::ReadError;
use crate::table_name::TableName;

/// Why a body was not loaded. Nothing has changed then, except where it says otherwise.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The body cannot be read, or does not fit the table.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// `mode=append` into a table that is not there.
    #[error("there is no table {0}; an ingest with mode=create makes it")]
    NoSuchTable(TableName),
    /// `mode=create` of a table that is there.
    #[error("the table {0} exists; mode=append adds to it, mode=overwrite replaces its rows")]
    TableExists(TableName),
    /// Others kept changing the table.
    #[error("the table {0} kept changing meanwhile; nothing was written, try again")]
    Contended(TableName),
    /// The table's columns changed between reading the rows and committing them.
    #[error("the columns of {0} changed while the rows were read; nothing was written, try again")]
    ColumnsChanged(TableName),
    /// The commit was sent and its answer lost.
    #[error(
        "catalogd did not say whether this request has changed {table}; \
         repeat it with the same Idempotency-Key, or compare the table's row count"
    )]
    OutcomeUnknown {
        /// The table.
        table: TableName,
        /// What happened to the call.
        #[source]
        source: Box<client::Error>,
    },
    /// The same key came with another request.
    #[error("this Idempotency-Key was used for another request")]
    KeyReused,
    /// The catalogue refused or does not answer.
    #[error(transparent)]
    Catalogue(Box<client::Error>),
    /// The warehouse failed.
    #[error("write to the warehouse")]
    Lake(#[from] lake::Error),
    /// The memory of idempotency keys failed.
    #[error("remember the answer")]
    Ledger(#[from] ledger::Error),
    /// A fault of ours.
    #[error("{0}")]
    Internal(String),
}

impl From<client::Error> for LoadError {
    fn from(error: client::Error) -> Self {
        Self::Catalogue(Box::new(error))
    }
}

/// The answer to a failure of the warehouse that nothing in the request can have caused.
pub(crate) fn warehouse_error(error: lake::Error) -> ApiError {
    match error.outage() {
        Some(outage) => ApiError::new(outage.code(), outage.to_string()).caused_by(format!("{error:?}")),
        None => ApiError::internal(error),
    }
}

impl From<LoadError> for ApiError {
    fn from(error: LoadError) -> Self {
        let detail = error.to_string();
        match error {
            LoadError::Read(ReadError::Malformed(_)) => Self::invalid(detail),
            LoadError::Read(ReadError::Unfit(_)) | LoadError::KeyReused => {
                Self::new(ErrorCode::Unprocessable, detail)
            }
            LoadError::NoSuchTable(_) => Self::not_found(detail),
            LoadError::TableExists(_) => Self::new(ErrorCode::AlreadyExists, detail),
            LoadError::Contended(_) | LoadError::ColumnsChanged(_) => Self::new(ErrorCode::Conflict, detail),
            LoadError::OutcomeUnknown { source, .. } => {
                Self::new(ErrorCode::PeerUnavailable, detail).caused_by(format!("{source:?}"))
            }
            LoadError::Catalogue(cause) => (*cause).into(),
            LoadError::Lake(lake::Error::Unsupported(detail)) => Self::new(ErrorCode::NotImplemented, detail),
            LoadError::Lake(lake::Error::Invalid(detail)) => Self::new(ErrorCode::Unprocessable, detail),
            LoadError::Ledger(cause) if cause.code() != ErrorCode::Internal => {
                Self::new(cause.code(), cause.to_string())
            }
            LoadError::Lake(cause) => warehouse_error(cause),
            LoadError::Read(ReadError::Io(cause)) if Outage::of(&cause) == Some(Outage::Full) => {
                Self::new(ErrorCode::InsufficientStorage, "no space is left to keep the rejected rows")
            }
            LoadError::Read(ReadError::Io(_) | ReadError::Stopped)
            | LoadError::Ledger(_)
            | LoadError::Internal(_) => Self::internal(error),
        }
    }
}
