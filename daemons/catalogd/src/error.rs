//! How the catalogue fails, and what each failure is called in Iceberg REST.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use lake::Outage;
use wire::catalog::{IcebergError, IcebergErrorModel, KEY_REUSED};

/// Why a call to the catalogue failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The request breaks a stated rule.
    #[error("{0}")]
    BadRequest(String),
    /// The body is larger than `service.max_body_bytes`.
    #[error("{0}")]
    TooLarge(String),
    /// There is no such namespace.
    #[error("there is no namespace {0}")]
    NoSuchNamespace(String),
    /// There is no such table.
    #[error("there is no table {0}")]
    NoSuchTable(String),
    /// The namespace or the table is there already.
    #[error("{0} exists already")]
    AlreadyExists(String),
    /// The namespace holds tables or other namespaces.
    #[error("the namespace {0} is not empty")]
    NamespaceNotEmpty(String),
    /// A requirement of the commit does not hold: load the table again, then decide.
    #[error("{0}")]
    CommitFailed(String),
    /// The request contradicts itself.
    #[error("{0}")]
    Unprocessable(String),
    /// The idempotency key has come with another request before.
    #[error("the idempotency key has been used with another request: use a new key for a new request")]
    KeyReused,
    /// A part of the specification, or of Iceberg, that is not built, asked for in an operation that is.
    #[error("{0}")]
    Unsupported(String),
    /// An operation of the specification that is not offered.
    #[error("{0}")]
    NotBuilt(String),
    /// The warehouse is full, away or closed to us; nothing has changed.
    #[error("{outage}")]
    Outage {
        /// Which of these.
        outage: Outage,
        /// What it said.
        source: lake::Error,
    },
    /// The transaction that moves the pointer failed at its end: it may or may not come back after a restart.
    #[error("the outcome of the commit is unknown: load the table to see")]
    CommitStateUnknown(#[source] ledger::Error),
    /// The database failed before anything was written.
    #[error("the catalogue's database failed")]
    Database(#[from] ledger::Error),
    /// The warehouse failed.
    #[error("the warehouse failed")]
    Warehouse(#[source] lake::Error),
}

impl CatalogError {
    /// What the warehouse's failure is where nothing in the request can have caused it.
    pub(crate) fn of_warehouse(source: lake::Error) -> Self {
        match source.outage() {
            Some(outage) => Self::Outage { outage, source },
            None => Self::Warehouse(source),
        }
    }

    /// The status and the exception's name in Iceberg REST.
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            // The specification knows 422 for nothing else than contradictory properties, and 406 for few operations: what
            // an operation answers is what it documents.
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "BadRequestException"),
            Self::KeyReused => (StatusCode::BAD_REQUEST, KEY_REUSED),
            Self::Unsupported(_) => (StatusCode::BAD_REQUEST, "UnsupportedOperationException"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "BadRequestException"),
            Self::NoSuchNamespace(_) => (StatusCode::NOT_FOUND, "NoSuchNamespaceException"),
            Self::NoSuchTable(_) => (StatusCode::NOT_FOUND, "NoSuchTableException"),
            Self::AlreadyExists(_) => (StatusCode::CONFLICT, "AlreadyExistsException"),
            Self::NamespaceNotEmpty(_) => (StatusCode::CONFLICT, "NamespaceNotEmptyException"),
            Self::CommitFailed(_) => (StatusCode::CONFLICT, "CommitFailedException"),
            Self::Unprocessable(_) => (StatusCode::UNPROCESSABLE_ENTITY, "UnprocessableEntityException"),
            Self::NotBuilt(_) => (StatusCode::NOT_IMPLEMENTED, "UnsupportedOperationException"),
            Self::Outage { outage: Outage::Full, .. } | Self::Database(ledger::Error::DiskFull) => {
                (StatusCode::INSUFFICIENT_STORAGE, "InsufficientStorageException")
            }
            Self::Outage { .. }
            | Self::Database(ledger::Error::Busy | ledger::Error::GroupLost | ledger::Error::Closed) => {
                (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableException")
            }
            Self::CommitStateUnknown(_) => (StatusCode::INTERNAL_SERVER_ERROR, "CommitStateUnknownException"),
            Self::Database(_) | Self::Warehouse(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError")
            }
        }
    }
}

impl From<lake::Error> for CatalogError {
    fn from(error: lake::Error) -> Self {
        match error {
            lake::Error::Invalid(text) => Self::BadRequest(text),
            lake::Error::Location { .. } => Self::BadRequest(error.to_string()),
            lake::Error::Unsupported(text) => Self::Unsupported(text),
            lake::Error::Conflict(text) => Self::CommitFailed(text),
            error => Self::of_warehouse(error),
        }
    }
}

impl From<ledger::rusqlite::Error> for CatalogError {
    fn from(error: ledger::rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl IntoResponse for CatalogError {
    fn into_response(self) -> Response {
        let (status, kind) = self.kind();
        if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            tracing::error!(error = ?self, "request failed");
        }
        let error =
            IcebergErrorModel { message: self.to_string(), kind: kind.to_owned(), code: status.as_u16() };
        (status, Json(IcebergError { error })).into_response()
    }
}
