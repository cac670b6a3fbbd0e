//! `/vectors/index/{name}/snapshot` and `/restore`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use service::{Ctx, Json, Path, Result};
use wire::Problem;
use wire::snapshots::{RestoreSnapshot, Snapshot, TakeSnapshot};
use wire::vectors::IndexInfo;

use super::indexes::to_wire;
use crate::snapshots::Snapshots;

/// Writes an index to an object of storaged, while reads and writes go on.
#[utoipa::path(
    post, path = "/vectors/index/{name}/snapshot", params(("name" = String, Path)), request_body = TakeSnapshot,
    responses(
        (status = 200, body = Snapshot, description = "the object is on disk"),
        (status = 404, body = Problem),
        (status = 503, body = Problem, description = "the index is quarantined, or storaged does not answer"),
        (status = 507, body = Problem, description = "no space left, here or there"),
    )
)]
pub(crate) async fn take(
    State(snapshots): State<Arc<Snapshots>>,
    Path(name): Path<String>,
    Ctx(ctx): Ctx,
    Json(request): Json<TakeSnapshot>,
) -> Result<Json<Snapshot>> {
    snapshots.take(&ctx, name, request).await.map(Json)
}

/// Makes an index of such an object, also of one that another machine has written: all of it, durably, or nothing.
#[utoipa::path(
    post, path = "/vectors/index/{name}/restore", params(("name" = String, Path)), request_body = RestoreSnapshot,
    responses(
        (status = 201, body = IndexInfo, description = "the index serves, and is on disk"),
        (status = 400, body = Problem, description = "the object is no snapshot that can be read: exactly why"),
        (status = 404, body = Problem, description = "no such object"),
        (status = 409, body = Problem, description = "there is an index of this name: drop it first"),
        (status = 503, body = Problem, description = "storaged does not answer"),
        (status = 507, body = Problem, description = "no space left; nothing was restored"),
    )
)]
pub(crate) async fn restore(
    State(snapshots): State<Arc<Snapshots>>,
    Path(name): Path<String>,
    Ctx(ctx): Ctx,
    Json(request): Json<RestoreSnapshot>,
) -> Result<(StatusCode, Json<IndexInfo>)> {
    let info = snapshots.restore(&ctx, name, request).await?;
    Ok((StatusCode::CREATED, Json(to_wire(info))))
}
