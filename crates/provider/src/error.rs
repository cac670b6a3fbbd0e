//! How a call to a provider fails.

use std::time::Duration;

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
        "provider {provider} at {url} did not answer within {timeout_ms} ms: raise its `{key}`, or look at its load"
    )]
    TimedOut {
        /// Its name in the configuration.
        provider: String,
        /// What was called.
        url: String,
        /// The bound.
        timeout_ms: u128,
        /// Its key in the configuration.
        key: &'static str,
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
        /// How long it wants to be left alone, if it says so.
        retry_after_s: Option<u64>,
    },
    /// It cannot do what the request asks for; it was not asked.
    #[error("provider {provider} ({kind}) cannot serve this request: {reason}")]
    Unsupported {
        /// Its name in the configuration.
        provider: String,
        /// Which interface it speaks.
        kind: &'static str,
        /// What it cannot do, and what to do instead.
        reason: String,
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
    /// It has failed too often of late to be asked now.
    #[error("provider {provider} has failed several times in a row: it is asked again in {retry_after_s} s")]
    Resting {
        /// Its name in the configuration.
        provider: String,
        /// When it may be asked again.
        retry_after_s: u64,
    },
    /// Its budget is spent; it was not asked.
    #[error("the budget of provider {provider} is spent: {reason}")]
    Spent {
        /// Its name in the configuration.
        provider: String,
        /// Which limit stands against the request.
        reason: String,
        /// When there will be room; none: not for this request.
        retry_after_s: Option<u64>,
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
            Self::Unreachable { .. } | Self::Resting { .. } => ErrorCode::Unavailable,
            Self::TimedOut { .. } => ErrorCode::DeadlineExceeded,
            Self::Unsupported { .. } | Self::Refused { status: 400 | 422, .. } => ErrorCode::InvalidArgument,
            Self::Spent { retry_after_s: None, .. } => ErrorCode::InvalidArgument,
            Self::Spent { .. } => ErrorCode::Overloaded,
            Self::Refused { status: 413, .. } => ErrorCode::PayloadTooLarge,
            // 529 is what Anthropic says when it is overloaded as a whole.
            Self::Refused { status: 429 | 529, .. } => ErrorCode::Overloaded,
            Self::Refused { status: 503, .. } => ErrorCode::Unavailable,
            Self::ModelMissing { .. } | Self::Refused { .. } | Self::Malformed { .. } => {
                ErrorCode::UpstreamFailed
            }
            Self::Configuration { .. } => ErrorCode::Internal,
        }
    }

    /// How long the provider wants to be left alone, if it has said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after_s, .. } | Self::Spent { retry_after_s, .. } => {
                retry_after_s.map(Duration::from_secs)
            }
            Self::Resting { retry_after_s, .. } => Some(Duration::from_secs(*retry_after_s)),
            _ => None,
        }
    }
}
