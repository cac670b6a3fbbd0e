//! How a call to a provider fails.

use wire::ErrorCode;

/// The result of a call to a provider.
pub type Result<T> = std::result::Result<T, Error>;

/// How a call to a provider fails; every text names the provider, its URL and the next step where there is one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// It is down, or its address is wrong.
    #[error("provider {provider} at {url} does not answer ({reason}): {hint}")]
    Unreachable {
        /// Its name in the configuration.
        provider: String,
        /// What was called.
        url: String,
        /// What the transport said.
        reason: String,
        /// What to do next.
        hint: String,
    },
    /// It took longer than its configured time.
    #[error(
        "provider {provider} at {url} did not answer within {timeout_ms} ms: raise its `timeout_ms`, or look at its load"
    )]
    TimedOut {
        /// Its name in the configuration.
        provider: String,
        /// What was called.
        url: String,
        /// The bound.
        timeout_ms: u128,
    },
    /// It does not have the model that is configured.
    #[error("provider {provider} at {url} has no model {model:?}: {hint}")]
    ModelMissing {
        /// Its name in the configuration.
        provider: String,
        /// What was called.
        url: String,
        /// The model.
        model: String,
        /// What to do next.
        hint: String,
    },
    /// It refused or failed.
    #[error("provider {provider} at {url} answered {status}: {message}")]
    Refused {
        /// Its name in the configuration.
        provider: String,
        /// What was called.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it said, shortened.
        message: String,
    },
    /// Its answer is not what its interface promises; none of it is used.
    #[error("provider {provider} at {url} sent an answer that cannot be used: {reason}")]
    Malformed {
        /// Its name in the configuration.
        provider: String,
        /// What was called.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration of this provider cannot work.
    #[error("provider {provider}: {reason}")]
    Configuration {
        /// Its name in the configuration.
        provider: String,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// The code under which a daemon passes this failure on.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unreachable { .. } => ErrorCode::Unavailable,
            Self::TimedOut { .. } => ErrorCode::DeadlineExceeded,
            Self::Refused { status: 429, .. } => ErrorCode::Overloaded,
            Self::ModelMissing { .. } | Self::Refused { .. } | Self::Malformed { .. } => {
                ErrorCode::UpstreamFailed
            }
            Self::Configuration { .. } => ErrorCode::Internal,
        }
    }
}
