//! Why a body cannot be read, as opposed to why a row is rejected.

use std::io;

/// Why reading a body stopped; nothing of it is written then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The body is not what its format says.
    #[error("{0}")]
    Malformed(String),
    /// The body is well-formed but its columns or rows do not fit.
    #[error("{0}")]
    Unfit(String),
    /// Another part of the body has ended the reading, and says why.
    #[error("reading was stopped")]
    Stopped,
    /// The spooled body cannot be read back: a fault of this machine.
    #[error("read the spooled body")]
    Io(#[from] io::Error),
}

impl ReadError {
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::Malformed(detail.into())
    }

    pub(crate) fn unfit(detail: impl Into<String>) -> Self {
        Self::Unfit(detail.into())
    }
}
