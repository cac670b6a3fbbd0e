//! How a scenario fails.

use std::error::Error;

/// Why a scenario failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A call was refused, shed, or not answered in time.
    #[error("{call} failed")]
    Call {
        /// Which call.
        call: &'static str,
        /// What came back.
        #[source]
        source: Box<client::Error>,
    },
    /// A call was answered, but not as it is promised to be.
    #[error("{promise}: {found}")]
    Broken {
        /// What is promised.
        promise: &'static str,
        /// What was found instead.
        found: String,
    },
}

/// What a step of a scenario comes to.
pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    /// The broken promise, or the error code of the call: what failures are counted by.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Broken { promise, .. } => promise,
            Self::Call { source, .. } => match source.as_ref() {
                client::Error::Unreachable { .. } => "unreachable",
                client::Error::DeadlineExceeded { .. } => "timeout",
                client::Error::Problem { problem, .. } => problem.code.as_str(),
                client::Error::Malformed { .. } => "malformed_answer",
            },
        }
    }

    /// The failure with all its causes, in one line.
    pub fn detail(&self) -> String {
        let causes = std::iter::successors(self.source(), |error| (*error).source());
        causes.fold(self.to_string(), |detail, cause| format!("{detail}: {cause}"))
    }
}

/// Fails with what `found` says unless the promise holds.
pub(crate) fn promise(promise: &'static str, holds: bool, found: impl FnOnce() -> String) -> Result {
    if holds { Ok(()) } else { Err(Failure::Broken { promise, found: found() }) }
}

#[cfg(test)]
mod tests {
    use wire::{DaemonName, ErrorCode, Problem};

    use super::*;

    #[test]
    fn shed_load_and_timeouts_are_counted_by_their_code() {
        let shed = client::Error::Problem {
            peer: DaemonName::Matrixd,
            problem: Problem::new(ErrorCode::Overloaded, "too many at once", "r1"),
            retry_after_s: Some(1),
        };
        let shed = Failure::Call { call: "search", source: shed.into() };
        assert_eq!(shed.kind(), "overloaded");
        assert_eq!(shed.detail(), "search failed: matrixd answered 429: too many at once");

        let late = client::Error::DeadlineExceeded { peer: DaemonName::Matrixd };
        assert_eq!(Failure::Call { call: "search", source: late.into() }.kind(), "timeout");
    }

    #[test]
    fn broken_promise_says_what_was_found() {
        promise("it holds", true, || unreachable!()).unwrap();
        let broken = promise("it holds", false, || "3 of 4".to_owned()).unwrap_err();
        assert_eq!((broken.kind(), broken.detail().as_str()), ("it holds", "it holds: 3 of 4"));
    }
}
