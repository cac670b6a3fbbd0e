//! Why there is no answer.

use std::time::Duration;

use wire::ErrorCode;
use wire::chat::Usage;

/// The result of a chat.
pub type Result<T> = std::result::Result<T, Error>;

/// Why there is no answer, and so what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The configuration has no provider, or two of one name.
    #[error("{0}")]
    Configuration(String),
    /// Ask one of the known providers.
    #[error("no provider is named {provider:?}; known here: {}", known.join(", "))]
    UnknownProvider {
        /// What was asked for.
        provider: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Ask for one of the known models.
    #[error("no provider may be asked for the model {model:?}; configured: {}", known.join(", "))]
    UnknownModel {
        /// What was asked for.
        model: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Every provider that may serve the request failed, in the order in which they were tried; at least one.
    #[error("{}", sentences(.0))]
    AllFailed(Vec<provider::Error>),
    /// The provider failed after its first token.
    #[error("the answer broke off: {source}")]
    BrokeOff {
        /// How.
        source: Box<provider::Error>,
        /// What the part that had come has cost.
        usage: Usage,
    },
}

impl Error {
    /// The code under which a daemon passes this failure on. Of several failures the first one counts: it is that of the
    /// provider that should have answered.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Configuration(_) => ErrorCode::Internal,
            Self::UnknownProvider { .. } | Self::UnknownModel { .. } => ErrorCode::NotFound,
            Self::AllFailed(failures) => {
                failures.first().map_or(ErrorCode::Unavailable, provider::Error::code)
            }
            Self::BrokeOff { source, .. } => source.code(),
        }
    }

    /// When to come back, if a provider has said so: the earliest time at which one may answer.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::AllFailed(failures) => failures.iter().filter_map(provider::Error::retry_after).min(),
            _ => None,
        }
    }

    /// What was spent before the failure.
    pub fn usage(&self) -> Usage {
        match self {
            Self::BrokeOff { usage, .. } => *usage,
            _ => Usage::default(),
        }
    }
}

fn sentences(failures: &[provider::Error]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; then ")
}
