//! How the store fails.

/// Why a call failed, and so what the caller can do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The request breaks a rule, which the text names.
    #[error("{0}")]
    Invalid(String),
    #[error("encode or decode a stored event")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Ledger(error.into())
    }
}
