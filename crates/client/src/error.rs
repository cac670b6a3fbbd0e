//! How a call to a peer fails.

use wire::{DaemonName, ErrorCode, Problem};

use crate::TransportError;

/// The result of a call to a peer.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call to a peer failed, and so what the caller can do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer came: the peer is down or the connection broke. Try again later.
    #[error("{peer} at {url} does not answer")]
    Unreachable {
        /// Who.
        peer: DaemonName,
        /// Where it was looked for.
        url: String,
        /// What the transport said.
        #[source]
        source: TransportError,
    },
    /// The caller's deadline passed first.
    #[error("the deadline passed while waiting for {peer}")]
    DeadlineExceeded {
        /// Who did not answer in time.
        peer: DaemonName,
    },
    /// The peer answered with a problem; its code says what to do.
    #[error("{peer} answered {}: {}", problem.status, problem.detail)]
    Problem {
        /// Who.
        peer: DaemonName,
        /// What it said.
        problem: Problem,
        /// Seconds after which it asks to be called again.
        retry_after_s: Option<u64>,
    },
    /// The answer cannot be read: the versions of the two sides differ, or it is not our peer.
    #[error("{peer} answered something else than expected: {detail}")]
    Malformed {
        /// Who.
        peer: DaemonName,
        /// What was wrong with the answer.
        detail: String,
    },
}

impl Error {
    /// Whether what was asked for may have happened although the call failed, in one of its attempts.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => !source.is_connect(),
            Self::DeadlineExceeded { .. } | Self::Malformed { .. } => true,
            // 500, 502, 503 and 504: Iceberg REST, `CommitStateUnknownException`. 501 and 507 say that nothing happened.
            Self::Problem { problem, .. } => {
                let is_refusal =
                    matches!(problem.code, ErrorCode::NotImplemented | ErrorCode::InsufficientStorage);
                problem.status >= 500 && !is_refusal
            }
        }
    }

    /// The peer that the call went to.
    pub fn peer(&self) -> DaemonName {
        match self {
            Self::Unreachable { peer, .. }
            | Self::DeadlineExceeded { peer }
            | Self::Problem { peer, .. }
            | Self::Malformed { peer, .. } => *peer,
        }
    }

    /// The problem that the peer answered with, if it answered with one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem { problem, .. } => Some(problem),
            _ => None,
        }
    }

    /// Whether the peer answered with this code.
    pub fn is(&self, code: wire::ErrorCode) -> bool {
        self.problem().is_some_and(|problem| problem.code == code)
    }
}
