//! The HTTP face: extract, call the store, map.

mod events;
mod stats;
mod traces;

use service::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::ErrorCode;

use crate::store::{Error, Store};

/// Routes that read.
pub(crate) fn read(store: Store) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(events::list)).routes(routes!(stats::stats)).with_state(store)
}

/// Routes that write.
pub(crate) fn write(store: Store) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(events::record)).routes(routes!(traces::receive)).with_state(store)
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Invalid(_) => ErrorCode::InvalidArgument,
            Error::Json(_) => ErrorCode::Internal,
            Error::Ledger(ledger) => ledger.code(),
        };
        if code == ErrorCode::Internal { Self::internal(error) } else { Self::new(code, error.to_string()) }
    }
}
