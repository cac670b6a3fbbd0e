//! The HTTP face: extract, call the store, map.

mod pathways;

use service::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::ErrorCode;

use crate::store::{Error, Store};

/// Routes that read or search.
pub(crate) fn read(store: Store) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(pathways::list))
        .routes(routes!(pathways::get))
        .routes(routes!(pathways::history))
        .routes(routes!(pathways::search))
        .with_state(store)
}

/// Routes that write.
pub(crate) fn write(store: Store) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(pathways::add))
        .routes(routes!(pathways::revise))
        .routes(routes!(pathways::retire))
        .with_state(store)
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Invalid(_) => ErrorCode::InvalidArgument,
            Error::NotFound(_) => ErrorCode::NotFound,
            Error::Stale { .. } | Error::Retired(_) => ErrorCode::Conflict,
            Error::KeyReused(_) => ErrorCode::Unprocessable,
            Error::Json(_) => ErrorCode::Internal,
            Error::Ledger(ledger) => ledger.code(),
        };
        if code == ErrorCode::Internal { Self::internal(error) } else { Self::new(code, error.to_string()) }
    }
}
