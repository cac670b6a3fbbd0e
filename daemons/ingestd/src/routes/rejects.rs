//! `GET /ingest/rejects/{id}`

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use service::{ApiError, Path};
use tokio_util::io::ReaderStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use wire::Problem;

use crate::Ingestd;

/// The routes that show what was not taken.
pub(crate) fn router(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(get)).with_state(ingestd)
}

/// All rows that an ingest has not taken, in the order of the body: `Reject`s, one a line.
#[utoipa::path(
    get,
    path = "/ingest/rejects/{id}",
    params(("id" = String, Path, description = "From the answer's `rejects_url`")),
    responses(
        (status = 200, description = "The rejected rows", content_type = "application/x-ndjson", body = Vec<u8>),
        (status = 404, description = "There are none, or none any more", body = Problem),
    )
)]
async fn get(State(ingestd): State<Ingestd>, Path(id): Path<String>) -> service::Result<Response> {
    let missing = || {
        ApiError::not_found(format!(
            "there are no rejected rows {id:?}; they are kept for ingestd.rejects_hours, and the oldest go first"
        ))
    };
    let id: Uuid = id.parse().map_err(|_| missing())?;
    let rejected = ingestd.rejected.clone();
    let opened = tokio::task::spawn_blocking(move || rejected.get(id)).await.map_err(ApiError::internal)?;
    let file = opened.map_err(ApiError::internal)?.ok_or_else(missing)?;
    let body = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file)));
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}
