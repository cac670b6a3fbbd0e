//! `/tables/{table}`: changes of rows that are there.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use lake::Predicate;
use service::{ApiError, Ctx, Json, Path, Query};
use tokio::sync::OwnedSemaphorePermit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::ingest::{DeleteRows, DeletedRows, MAX_DELETED_KEYS, UpsertAnswer, UpsertParams};
use wire::{ErrorCode, Problem};

use super::ingest::{encoding, format_of, idempotency_key};
use crate::Ingestd;
use crate::deletion::Which;
use crate::spool::Spool;
use crate::upsert::UpsertRequest;

/// The routes whose bodies are streamed.
pub(crate) fn upserting(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(upsert)).with_state(ingestd)
}

/// The routes that take as long as the table is large.
pub(crate) fn deleting(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(delete)).with_state(ingestd)
}

/// Puts the rows of the body into a table, in the place of those with the same key: in one commit, or none.
///
/// A row is replaced as a whole: a column that the body leaves out becomes null. A null in a key rejects its row; a key that
/// the body has twice refuses the body. 200 means that the rows are on disk and visible. A repeated `Idempotency-Key` gets
/// the first answer, `replayed`.
#[utoipa::path(
    post,
    path = "/tables/{table}/upsert",
    params(("table" = String, Path, description = "`namespace.name`"), UpsertParams),
    request_body(content = Vec<u8>, content_type = "text/csv", description = "As `POST /ingest` takes it"),
    responses(
        (status = 200, description = "The rows are in the table", body = UpsertAnswer),
        (status = 400, description = "The body is not what its format says, or a name is wrong", body = Problem),
        (status = 404, description = "There is no such table", body = Problem),
        (status = 409, description = "The table kept changing", body = Problem),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 415, description = "The format is not known", body = Problem),
        (status = 422, description = "The key or the rows do not fit the table; nothing was written", body = Problem),
        (status = 501, description = "The table has partitions or row-level deletes", body = Problem),
        (status = 503, description = "catalogd or the warehouse's store does not answer", body = Problem),
        (status = 507, description = "The disk is full; nothing was written", body = Problem),
    )
)]
async fn upsert(
    State(ingestd): State<Ingestd>,
    Ctx(ctx): Ctx,
    Path(table): Path<String>,
    Query(params): Query<UpsertParams>,
    headers: HeaderMap,
    body: Body,
) -> service::Result<Json<UpsertAnswer>> {
    let request = UpsertRequest {
        table: table.parse().map_err(ApiError::invalid)?,
        key: params.key.split(',').map(|name| name.trim().to_owned()).collect(),
        format: params.format.map_or_else(|| format_of(&headers), Ok)?,
        on_error: params.on_error,
        max_errors: params.max_errors,
        dry_run: params.dry_run,
        idempotency_key: idempotency_key(&headers)?,
    };
    let encoding = encoding(&headers)?;
    let permit = permit(&ingestd)?;
    let body = body.into_data_stream();
    let is_keyed = request.idempotency_key.is_some();
    let spool = Spool::receive(body, encoding, &ingestd.spool_dir, ingestd.max_body_bytes, is_keyed).await?;
    let (upserter, jobs) = (Arc::clone(&ingestd.upserter), ingestd.jobs.clone());
    // A task of its own: a caller who hangs up must not cut a commit in half.
    let upserting = ingestd.env.tasks.spawn(async move {
        let _permit = permit;
        let answer = upserter.upsert(&ctx, &request, Arc::new(spool)).await;
        jobs.table_changed(&request.table);
        answer
    });
    Ok(Json(upserting.await.map_err(ApiError::internal)??))
}

fn permit(ingestd: &Ingestd) -> Result<OwnedSemaphorePermit, ApiError> {
    let permit = Arc::clone(&ingestd.loads).try_acquire_owned();
    permit
        .map_err(|_| ApiError::new(ErrorCode::Overloaded, "ingestd.max_loads changes are under way already"))
}

/// Deletes the rows for which a condition holds, or those with certain keys, in one commit. On 200 no later query sees them;
/// older snapshots have them until they expire.
#[utoipa::path(
    post,
    path = "/tables/{table}/delete",
    params(("table" = String, Path, description = "`namespace.name`")),
    request_body = DeleteRows,
    responses(
        (status = 200, description = "The rows are gone", body = DeletedRows),
        (status = 400, description = "The condition, or the list of keys, is empty or not understood", body = Problem),
        (status = 404, description = "There is no such table", body = Problem),
        (status = 409, description = "The table kept changing", body = Problem),
        (status = 422, description = "The condition or a key does not fit the table; nothing was changed", body = Problem),
        (status = 501, description = "The table has partitions or row-level deletes", body = Problem),
        (status = 503, description = "catalogd or the warehouse's store does not answer", body = Problem),
        (status = 507, description = "The disk is full; nothing was changed", body = Problem),
    )
)]
async fn delete(
    State(ingestd): State<Ingestd>,
    Ctx(ctx): Ctx,
    Path(table): Path<String>,
    Json(request): Json<DeleteRows>,
) -> service::Result<Json<DeletedRows>> {
    let table = table.parse().map_err(ApiError::invalid)?;
    let which = which(&request)?;
    let permit = permit(&ingestd)?;
    let (deleter, jobs) = (Arc::clone(&ingestd.deleter), ingestd.jobs.clone());
    // A task of its own: a caller who hangs up must not cut a commit in half.
    let deleting = ingestd.env.tasks.spawn(async move {
        let _permit = permit;
        let answer = deleter.delete(&ctx, &table, &which, request.dry_run).await;
        jobs.table_changed(&table);
        answer
    });
    Ok(Json(deleting.await.map_err(ApiError::internal)??))
}

fn which(request: &DeleteRows) -> Result<Which, ApiError> {
    match (&request.condition, &request.keys) {
        (Some(condition), None) => {
            let predicate =
                Predicate::parse(condition).map_err(|error| ApiError::invalid(error.to_string()))?;
            if predicate.is_empty() {
                let text = "an empty condition would delete every row; to empty a table, ingest nothing with mode=overwrite";
                return Err(ApiError::invalid(text));
            }
            Ok(Which::Where(predicate))
        }
        (None, Some(keys)) if keys.is_empty() || keys.len() > MAX_DELETED_KEYS => Err(ApiError::invalid(
            format!("keys: expected 1 to {MAX_DELETED_KEYS} of them, not {}", keys.len()),
        )),
        (None, Some(keys)) => Ok(Which::Keys(keys.clone())),
        _ => Err(ApiError::invalid("say which rows: either \"where\" or \"keys\"")),
    }
}
