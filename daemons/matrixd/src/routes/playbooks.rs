//! `/matrix/playbooks`: record, list, rebuild.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use service::{ApiError, Ctx, Json, Query, Result};
use wire::context::IDEMPOTENCY_KEY;
use wire::matrix::{ListPlaybooks, PlaybookList, RebuildResponse, RecordRequest, RecordResponse};
use wire::{ErrorCode, Problem};

use crate::matrix::Matrix;

/// Records an outcome; 201 once it is on disk. The same `Idempotency-Key` again: the same playbook.
#[utoipa::path(post, path = "/matrix/playbooks/record", request_body = RecordRequest,
    params(("idempotency-key" = Option<String>, Header, description = "makes a repeated call harmless")),
    responses(
        (status = 201, body = RecordResponse),
        (status = 400, body = Problem, description = "what was wrong and what was expected"),
        (status = 404, body = Problem, description = "the corpus, or the answer in it, does not exist"),
        (status = 422, body = Problem, description = "the key was used with another request"),
        (status = 503, body = Problem, description = "names the peer that does not answer"),
    ))]
pub(crate) async fn record(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    headers: HeaderMap,
    Json(request): Json<RecordRequest>,
) -> Result<(StatusCode, Json<RecordResponse>)> {
    let key = match headers.get(IDEMPOTENCY_KEY).map(|value| value.to_str()) {
        None => None,
        Some(Ok(key)) => Some(key),
        Some(Err(_)) => return Err(ApiError::invalid("the idempotency-key header is printable ASCII")),
    };
    Ok((StatusCode::CREATED, Json(matrix.record(&ctx, request, key).await?)))
}

/// Recordings in the order in which they were made.
#[utoipa::path(get, path = "/matrix/playbooks", params(ListPlaybooks),
    responses((status = 200, body = PlaybookList), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn list(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    Query(page): Query<ListPlaybooks>,
) -> Result<Json<PlaybookList>> {
    matrix.playbooks(&ctx, page).await.map(Json)
}

/// Refills the playbook memory from the log.
#[utoipa::path(post, path = "/matrix/playbooks/rebuild",
    responses((status = 200, body = RebuildResponse), (status = 503, body = Problem)))]
pub(crate) async fn rebuild(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
) -> Result<Json<RebuildResponse>> {
    matrix.rebuild(&ctx).await.map(Json)
}

/// Uplift and harm over a judged set: not built yet.
#[utoipa::path(post, path = "/matrix/playbooks/evaluate", responses((status = 501, body = Problem)))]
pub(crate) async fn evaluate() -> ApiError {
    ApiError::new(ErrorCode::NotImplemented, "evaluation over a judged set is not built yet")
}
