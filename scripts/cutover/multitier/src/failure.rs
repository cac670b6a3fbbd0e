//! How a scenario fails.

use std::io;

use wire::Problem;

/// Why a scenario failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A call was answered with an error.
    #[error("{call} answered {}: {}", problem.status, problem.detail)]
    Refused {
        /// Which call.
        call: &'static str,
        /// What came back.
        problem: Box<Problem>,
    },
    /// No answer came: nobody listens, or the connection broke.
    #[error("{call} was not answered: {source}")]
    Lost {
        /// Which call.
        call: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// No answer came in time.
    #[error("{call} was not answered in time")]
    Late {
        /// Which call.
        call: &'static str,
    },
    /// An answer, or a request, has no form that is understood.
    #[error("{call}: {detail}")]
    Malformed {
        /// Which call.
        call: &'static str,
        /// What is wrong with it.
        detail: String,
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
            Self::Refused { problem, .. } => problem.code.as_str(),
            Self::Lost { .. } => "unreachable",
            Self::Late { .. } => "timeout",
            Self::Malformed { .. } => "malformed_answer",
        }
    }
}

/// Fails with what `found` says unless the promise holds.
pub(crate) fn promise(promise: &'static str, holds: bool, found: impl FnOnce() -> String) -> Result {
    if holds { Ok(()) } else { Err(Failure::Broken { promise, found: found() }) }
}

#[cfg(test)]
mod tests {
    use wire::ErrorCode;

    use super::*;

    #[test]
    fn shed_load_and_timeouts_are_counted_by_their_code() {
        let problem = Problem::new(ErrorCode::Overloaded, "too many at once", "r1");
        let shed = Failure::Refused { call: "search", problem: problem.into() };
        assert_eq!(
            (shed.kind(), shed.to_string().as_str()),
            ("overloaded", "search answered 429: too many at once")
        );
        assert_eq!(Failure::Late { call: "search" }.kind(), "timeout");
        let lost = Failure::Lost { call: "search", source: io::ErrorKind::ConnectionRefused.into() };
        assert_eq!(
            (lost.kind(), lost.to_string().as_str()),
            ("unreachable", "search was not answered: connection refused")
        );
    }

    #[test]
    fn broken_promise_says_what_was_found() {
        promise("it holds", true, || unreachable!()).unwrap();
        let broken = promise("it holds", false, || "3 of 4".to_owned()).unwrap_err();
        assert_eq!((broken.kind(), broken.to_string().as_str()), ("it holds", "it holds: 3 of 4"));
    }
}
