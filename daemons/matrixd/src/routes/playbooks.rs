//! `/matrix/playbooks`: record, list, get, delete, import, export, evaluate, rebuild.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use service::{ApiError, Ctx, Json, Path, Query, Result};
use uuid::Uuid;
use wire::Problem;
use wire::context::IDEMPOTENCY_KEY;
use wire::playbooks::{
    EvaluateRequest, Evaluation, ImportReport, ListPlaybooks, Playbook, PlaybookList, RebuildResponse,
    RecordRequest, RecordResponse,
};

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

/// One recording.
#[utoipa::path(get, path = "/matrix/playbooks/{id}", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = Playbook),
        (status = 404, body = Problem, description = "there is none, or it was deleted"),
        (status = 503, body = Problem),
    ))]
pub(crate) async fn get(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    Path(id): Path<Uuid>,
) -> Result<Json<Playbook>> {
    matrix.playbook(&ctx, id).await.map(Json)
}

/// Deletes a recording: no search is moved by it any more. The history of pathwayd keeps it.
#[utoipa::path(delete, path = "/matrix/playbooks/{id}", params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "deleted"),
        (status = 202, description = "deleted, and searches will know once vectord answers"),
        (status = 404, body = Problem, description = "there is none, or it was deleted"),
        (status = 503, body = Problem, description = "names the peer that does not answer"),
    ))]
pub(crate) async fn delete(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    Path(id): Path<Uuid>,
) -> Result<StatusCode> {
    let is_settled = matrix.delete_playbook(&ctx, id).await?;
    Ok(if is_settled { StatusCode::NO_CONTENT } else { StatusCode::ACCEPTED })
}

/// Every recording as NDJSON, the oldest first.
#[utoipa::path(get, path = "/matrix/playbooks/export",
    responses(
        (status = 200, body = Playbook, content_type = "application/x-ndjson"),
        (status = 503, body = Problem),
    ))]
pub(crate) async fn export(State(matrix): State<Arc<Matrix>>, Ctx(ctx): Ctx) -> Result<impl IntoResponse> {
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], matrix.export(ctx).await?))
}

/// Records every line of an NDJSON body, such as an export; the same lines again are recorded once.
#[utoipa::path(post, path = "/matrix/playbooks/import",
    request_body(content = RecordRequest, content_type = "application/x-ndjson"),
    responses(
        (status = 200, body = ImportReport, description = "on disk; says which lines were refused, and why"),
        (status = 400, body = Problem, description = "the body is no NDJSON"),
        (status = 503, body = Problem, description = "stopped; repeat it"),
    ))]
pub(crate) async fn import(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    body: Body,
) -> Result<Json<ImportReport>> {
    matrix.import(&ctx, body).await.map(Json)
}

/// Uplift and harm of playbooks over a judged set, with an interval. It records nothing.
#[utoipa::path(post, path = "/matrix/playbooks/evaluate", request_body = EvaluateRequest,
    responses(
        (status = 200, body = Evaluation),
        (status = 400, body = Problem),
        (status = 404, body = Problem, description = "no such corpus"),
        (status = 503, body = Problem, description = "names the peer that does not answer"),
    ))]
pub(crate) async fn evaluate(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    Json(request): Json<EvaluateRequest>,
) -> Result<Json<Evaluation>> {
    matrix.evaluate(&ctx, request).await.map(Json)
}
