//! `/v1/traces`: where OpenTelemetry exporters send spans (OTLP/HTTP).

use service::ApiError;
use wire::{ErrorCode, Problem};

/// Not built yet.
#[utoipa::path(post, path = "/v1/traces", responses((status = 501, body = Problem)))]
pub(crate) async fn receive() -> ApiError {
    ApiError::new(
        ErrorCode::NotImplemented,
        "OTLP traces are not received yet; send events to /observer/events",
    )
}
