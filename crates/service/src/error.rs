//! How a handler fails: a code, a sentence for the caller, and a cause for the log only.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use wire::catalog::{ICEBERG_PATH, IcebergError, IcebergErrorModel};
use wire::error::{ForeignProblem, PROBLEM_JSON};
use wire::{ErrorCode, Problem};

/// An error on its way to the caller.
#[derive(Debug, Clone)]
pub struct ApiError {
    code: ErrorCode,
    detail: String,
    retry_after: Option<Duration>,
    cause: Option<Arc<str>>,
}

impl ApiError {
    /// An error that `detail` explains to the caller: what happened and what to do next.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let retry_after =
            matches!(code, ErrorCode::Overloaded | ErrorCode::Unavailable | ErrorCode::PeerUnavailable)
                .then_some(Duration::from_secs(1));
        Self { code, detail: detail.into(), retry_after, cause: None }
    }

    /// 400: what was wrong and what was expected.
    pub fn invalid(detail: impl Display) -> Self {
        Self::new(ErrorCode::InvalidArgument, detail.to_string())
    }

    /// 404: what was looked for.
    pub fn not_found(detail: impl Display) -> Self {
        Self::new(ErrorCode::NotFound, detail.to_string())
    }

    /// 500: a fault of ours. The cause goes to the log, never to the caller.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        let detail = "an internal error; the log has the cause under this request id";
        Self::new(ErrorCode::Internal, detail).caused_by(format!("{:#}", cause.into()))
    }

    /// Adds a cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Display) -> Self {
        self.cause = Some(cause.to_string().into());
        self
    }

    /// Tells the caller when to come back.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// What a program matches on.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the caller is told.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Logs the cause where a human has to act, and writes the body in the form that clients of `path` expect.
    pub(crate) fn render(&self, request_id: &str, path: &str) -> Response {
        let cause = self.cause.as_deref().unwrap_or_default();
        match self.code {
            ErrorCode::Internal | ErrorCode::DataCorrupt => {
                tracing::error!(code = self.code.as_str(), detail = self.detail, cause, "request failed");
            }
            _ if self.cause.is_some() => {
                tracing::info!(code = self.code.as_str(), detail = self.detail, cause, "request failed");
            }
            _ => {}
        }
        let mut response = if path.starts_with(ICEBERG_PATH) {
            let error = IcebergErrorModel::new(self.code, &self.detail);
            (status(self.code), axum::Json(IcebergError { error })).into_response()
        } else {
            let problem = Problem::new(self.code, &self.detail, request_id);
            let problem = axum::Json(ForeignProblem::at(path, problem));
            (status(self.code), [(CONTENT_TYPE, PROBLEM_JSON)], problem).into_response()
        };
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if self.code == ErrorCode::Unauthenticated {
            headers.insert(axum::http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

fn status(code: ErrorCode) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl IntoResponse for ApiError {
    /// The body is written by the request middleware, which knows the request id.
    fn into_response(self) -> Response {
        let mut response = status(self.code).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<client::Error> for ApiError {
    /// A peer's refusal is passed on; a peer that is missing is named.
    fn from(error: client::Error) -> Self {
        match &error {
            client::Error::Problem { problem, retry_after_s, .. } if problem.code != ErrorCode::Internal => {
                let mut passed_on = Self::new(problem.code, problem.detail.clone());
                passed_on.retry_after = retry_after_s.map(Duration::from_secs).or(passed_on.retry_after);
                passed_on
            }
            client::Error::Unreachable { peer, url, source } => {
                let detail = format!("{peer} at {url} does not answer; is it running? see `lakectl status`");
                Self::new(ErrorCode::PeerUnavailable, detail).caused_by(format!("{source:?}"))
            }
            client::Error::DeadlineExceeded { .. } => {
                Self::new(ErrorCode::DeadlineExceeded, error.to_string())
            }
            client::Error::Problem { .. } | client::Error::Malformed { .. } => Self::internal(error),
        }
    }
}
