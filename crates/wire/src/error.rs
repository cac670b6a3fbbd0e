//! How every daemon fails: one list of codes, one table from code to HTTP status, one body.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// The media type of [`Problem`], RFC 9457 section 3.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request failed, as a stable code that callers may match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is malformed or breaks a stated rule; nothing was changed.
    InvalidArgument,
    /// No bearer token, or one that is not known.
    Unauthenticated,
    /// The token is known but lacks the scope that this call needs.
    PermissionDenied,
    /// What the request names does not exist.
    NotFound,
    /// The path exists, the method on it does not.
    MethodNotAllowed,
    /// What the request would create exists already, with other properties.
    AlreadyExists,
    /// The state moved under the request: read again, then decide.
    Conflict,
    /// A condition in `If-Match` or `If-None-Match` does not hold.
    PreconditionFailed,
    /// The body is larger than the limit.
    PayloadTooLarge,
    /// The media type or content encoding is not supported.
    UnsupportedMediaType,
    /// The byte range asked for lies outside the object.
    RangeNotSatisfiable,
    /// The request is understood but cannot be applied to these data.
    Unprocessable,
    /// Too much at once: try again after `Retry-After`.
    Overloaded,
    /// A daemon that this call needs does not answer; `detail` names it.
    PeerUnavailable,
    /// This daemon cannot serve the call now.
    Unavailable,
    /// The deadline passed before the answer was ready.
    DeadlineExceeded,
    /// There is no space left for the write; reads go on.
    InsufficientStorage,
    /// Stored data failed their checksum; `detail` says which and what to do.
    DataCorrupt,
    /// Not built yet.
    NotImplemented,
    /// A provider outside this system failed.
    UpstreamFailed,
    /// A fault of ours; the log has the cause under the request id.
    Internal,
}

impl ErrorCode {
    /// The HTTP status that this code travels under: the one table of the system.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidArgument => 400,
            Self::Unauthenticated => 401,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::AlreadyExists | Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::PayloadTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RangeNotSatisfiable => 416,
            Self::Unprocessable => 422,
            Self::Overloaded => 429,
            Self::Internal => 500,
            Self::NotImplemented => 501,
            Self::UpstreamFailed => 502,
            Self::PeerUnavailable | Self::Unavailable | Self::DataCorrupt => 503,
            Self::DeadlineExceeded => 504,
            Self::InsufficientStorage => 507,
        }
    }

    /// A short human summary that is the same for every occurrence.
    pub const fn title(self) -> &'static str {
        match self {
            Self::InvalidArgument => "The request is not valid",
            Self::Unauthenticated => "A valid bearer token is needed",
            Self::PermissionDenied => "The token lacks the scope for this",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "This path does not take that method",
            Self::AlreadyExists => "It exists already",
            Self::Conflict => "The state has changed",
            Self::PreconditionFailed => "A condition of the request does not hold",
            Self::PayloadTooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The media type is not supported",
            Self::RangeNotSatisfiable => "The range lies outside the object",
            Self::Unprocessable => "The request cannot be applied to these data",
            Self::Overloaded => "Too many requests at once",
            Self::PeerUnavailable => "A daemon that this needs does not answer",
            Self::Unavailable => "Not able to serve now",
            Self::DeadlineExceeded => "The deadline passed",
            Self::InsufficientStorage => "No space left",
            Self::DataCorrupt => "Stored data are damaged",
            Self::NotImplemented => "Not built yet",
            Self::UpstreamFailed => "An outside provider failed",
            Self::Internal => "Internal error",
        }
    }

    /// The code as it is written in a body, a log line or a metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition_failed",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RangeNotSatisfiable => "range_not_satisfiable",
            Self::Unprocessable => "unprocessable",
            Self::Overloaded => "overloaded",
            Self::PeerUnavailable => "peer_unavailable",
            Self::Unavailable => "unavailable",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::InsufficientStorage => "insufficient_storage",
            Self::DataCorrupt => "data_corrupt",
            Self::NotImplemented => "not_implemented",
            Self::UpstreamFailed => "upstream_failed",
            Self::Internal => "internal",
        }
    }
}

/// The body of every error, RFC 9457 with our `code` and `request_id` beside its members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A URI reference that identifies the kind of problem; stable as `code` is.
    #[serde(rename = "type")]
    pub kind: String,
    /// [`ErrorCode::title`].
    pub title: String,
    /// The HTTP status, repeated for callers that see only the body.
    pub status: u16,
    /// What a program matches on.
    pub code: ErrorCode,
    /// What happened this time and what to do next, for a person.
    pub detail: String,
    /// The id under which the logs of every hop speak of this request.
    #[serde(default)]
    pub request_id: String,
}

impl Problem {
    /// A problem with the title and status that belong to `code`.
    pub fn new(code: ErrorCode, detail: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{}", code.as_str()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
            request_id: request_id.into(),
        }
    }
}

/// A [`Problem`] with the member `error` for programs that know another interface, which find their error there as they are
/// used to; RFC 9457, section 3.2, lets others stand beside it.
#[derive(Debug, Clone, Serialize)]
pub struct ForeignProblem {
    /// The problem.
    #[serde(flatten)]
    pub problem: Problem,
    /// The same in the other interface's shape; on its paths only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

impl ForeignProblem {
    /// `problem` as callers of `path` read it.
    pub fn at(path: &str, problem: Problem) -> Self {
        let error = match path {
            "/v1/chat/completions" | "/v1/embeddings" | "/v1/models" => {
                Some(openai_error(problem.code, &problem.detail))
            }
            _ if path.starts_with("/api/") => Some(Value::from(problem.detail.as_str())),
            _ => None,
        };
        Self { problem, error }
    }
}

/// An error in OpenAI's shape.
pub fn openai_error(code: ErrorCode, detail: &str) -> Value {
    json!({"message": detail, "type": code.as_str(), "param": null, "code": code.as_str()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_body_is_spelled_as_in_logs_and_metrics() {
        for code in [ErrorCode::InvalidArgument, ErrorCode::PeerUnavailable, ErrorCode::DataCorrupt] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn clients_of_openai_and_ollama_find_their_error_beside_the_problem() {
        let at = |path: &str| {
            let problem = Problem::new(ErrorCode::NotFound, "no model x", "r1");
            serde_json::to_value(ForeignProblem::at(path, problem)).unwrap()
        };
        assert_eq!(at("/v1/embeddings")["error"]["message"], "no model x");
        assert_eq!(
            (&at("/api/chat")["error"], &at("/api/chat")["status"]),
            (&json!("no model x"), &json!(404))
        );
        assert!(at("/chat").get("error").is_none());
    }

    #[test]
    fn problem_has_the_members_of_rfc_9457() {
        let body = serde_json::to_value(Problem::new(ErrorCode::NotFound, "no index named x", "r1")).unwrap();
        assert_eq!(body["type"], "/problems/not_found");
        assert_eq!(body["status"], 404);
        assert_eq!(body["code"], "not_found");
        assert_eq!(body["request_id"], "r1");
    }
}
