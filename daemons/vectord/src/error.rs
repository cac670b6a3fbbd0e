//! Where failures of `vector-index` become answers.

use service::ApiError;
use vector_index::Error;
use wire::ErrorCode;

/// What a caller is told about `error`.
pub(crate) fn to_api(error: Error) -> ApiError {
    let code = match &error {
        Error::Invalid(_) | Error::Archive { .. } => ErrorCode::InvalidArgument,
        Error::NotFound { .. } => ErrorCode::NotFound,
        Error::Exists { .. } | Error::BeingImported { .. } => ErrorCode::AlreadyExists,
        Error::Quarantined { .. } => ErrorCode::DataCorrupt,
        Error::DiskFull => ErrorCode::InsufficientStorage,
        Error::Poisoned { .. } => ErrorCode::Unavailable,
        Error::Io { .. } | Error::Corrupt { .. } | Error::Abandoned => return ApiError::internal(error),
    };
    ApiError::new(code, error.to_string())
}
