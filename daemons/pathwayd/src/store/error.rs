//! How the store fails.

use uuid::Uuid;

/// Why a call failed, and so what the caller can do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request breaks a rule, which the text names.
    #[error("{0}")]
    Invalid(String),
    #[error("there is no pathway {0}")]
    NotFound(Uuid),
    #[error("pathway {id} is at version {current}, not {expected}: read it again, then decide")]
    Stale { id: Uuid, current: u64, expected: u64 },
    #[error("pathway {0} is retired and cannot be revised: add a new one")]
    Retired(Uuid),
    #[error("the idempotency key {0:?} has been used with another request: use a new key for a new request")]
    KeyReused(String),
    #[error("encode or decode a stored pathway")]
    Json(#[source] serde_json::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}
