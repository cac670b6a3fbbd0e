//! Errors of the store as S3 calls them.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use object_store::Error;
use objects::{Outage, UploadError};
use s3s::{S3Error, S3ErrorCode};

use super::body::BodyError;

/// What the caller is told when the store fails on `key`.
pub(super) fn store_error(key: &str, error: Error) -> S3Error {
    if let Some(outage) = Outage::of(&error) {
        tracing::error!(key, ?error, "the warehouse does not serve");
        // S3 has no code for a full disk: it is a service that is not available, and what it says names the cause.
        return S3Error::with_message(S3ErrorCode::ServiceUnavailable, outage.to_string());
    }
    match error {
        Error::NotFound { .. } => {
            S3Error::with_message(S3ErrorCode::NoSuchKey, format!("there is no object {key:?}"))
        }
        Error::NotModified { .. } => S3ErrorCode::NotModified.into(),
        Error::Precondition { .. } => S3ErrorCode::PreconditionFailed.into(),
        Error::AlreadyExists { source, .. } => {
            S3Error::with_message(S3ErrorCode::InvalidRequest, format!("{key:?} cannot be stored: {source}"))
        }
        Error::InvalidPath { source } => {
            S3Error::with_message(S3ErrorCode::InvalidArgument, source.to_string())
        }
        error => {
            tracing::error!(key, ?error, "an S3 request failed");
            S3ErrorCode::InternalError.into()
        }
    }
}

/// What the caller is told when an upload to `key` fails; nothing is stored then.
pub(super) fn upload_error(key: &str, is_create: bool, error: UploadError<BodyError>) -> S3Error {
    match error {
        UploadError::Source(BodyError::Corrupt { algorithm }) => {
            let text = format!("the body's {algorithm} is not what the request says; nothing was stored");
            S3Error::with_message(S3ErrorCode::BadDigest, text)
        }
        UploadError::Source(BodyError::Broken(_)) => {
            S3Error::with_message(S3ErrorCode::IncompleteBody, "the body broke off; nothing was stored")
        }
        UploadError::TooLarge { limit } => S3Error::with_message(
            S3ErrorCode::EntityTooLarge,
            format!("an object has at most {limit} bytes (storaged.max_object_bytes); nothing was stored"),
        ),
        UploadError::Store(Error::AlreadyExists { .. }) if is_create => {
            S3ErrorCode::PreconditionFailed.into()
        }
        UploadError::Store(error) => store_error(key, error),
    }
}

/// The answer to a request too many, in the form of S3, whose clients try again then.
pub(super) fn slow_down() -> Response {
    const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <Error><Code>SlowDown</Code><Message>too many requests at once (storaged.s3.max_in_flight)</Message></Error>";
    let headers = [(CONTENT_TYPE, "application/xml"), (RETRY_AFTER, "1")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, XML).into_response()
}
