//! Errors of the store as answers.

use object_store::Error;
use objects::Outage;
use service::ApiError;
use wire::ErrorCode;

/// What the caller is told when the store fails on `key`.
pub(crate) fn store_error(key: &str, error: Error) -> ApiError {
    if let Some(outage) = Outage::of(&error) {
        return ApiError::new(outage.code(), outage.to_string()).caused_by(format!("{error:?}"));
    }
    match error {
        Error::NotFound { .. } => ApiError::not_found(format!("there is no object {key:?}")),
        Error::AlreadyExists { source, .. } => {
            ApiError::new(ErrorCode::AlreadyExists, format!("{key:?} cannot be stored: {source}"))
        }
        Error::Precondition { source, .. } => {
            ApiError::new(ErrorCode::PreconditionFailed, format!("the condition does not hold: {source}"))
        }
        Error::InvalidPath { source } => ApiError::invalid(source),
        Error::NotSupported { source } => ApiError::invalid(source),
        Error::NotImplemented { operation, implementer } => {
            ApiError::new(ErrorCode::NotImplemented, format!("{implementer} cannot do {operation} yet"))
        }
        other => ApiError::internal(other),
    }
}
