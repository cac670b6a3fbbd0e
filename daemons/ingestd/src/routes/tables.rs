//! `/tables/{table}`: changes of rows that are there.

use std::sync::Arc;

use axum::extract::State;
use lake::Predicate;
use service::{ApiError, Ctx, Json, Path};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::ingest::{DeleteRows, DeletedRows};
use wire::{ErrorCode, Problem};

use crate::Ingestd;

/// The routes that take as long as the table is large.
pub(crate) fn router(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(delete)).with_state(ingestd)
}

/// Deletes the rows for which a condition holds, in one commit. On 200 no later query sees them; older snapshots have them
/// until they expire.
#[utoipa::path(
    post,
    path = "/tables/{table}/delete",
    params(("table" = String, Path, description = "`namespace.name`")),
    request_body = DeleteRows,
    responses(
        (status = 200, description = "The rows are gone", body = DeletedRows),
        (status = 400, description = "The condition is empty or not understood", body = Problem),
        (status = 404, description = "There is no such table", body = Problem),
        (status = 409, description = "The table kept changing", body = Problem),
        (status = 422, description = "The condition does not fit the table; nothing was changed", body = Problem),
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
    let predicate =
        Predicate::parse(&request.condition).map_err(|error| ApiError::invalid(error.to_string()))?;
    if predicate.is_empty() {
        let text =
            "an empty condition would delete every row; to empty a table, ingest nothing with mode=overwrite";
        return Err(ApiError::invalid(text));
    }
    let Ok(permit) = Arc::clone(&ingestd.loads).try_acquire_owned() else {
        return Err(ApiError::new(ErrorCode::Overloaded, "ingestd.max_loads changes are under way already"));
    };
    let deleter = Arc::clone(&ingestd.deleter);
    // A task of its own: a caller who hangs up must not cut a commit in half.
    let deleting = ingestd.env.tasks.spawn(async move {
        let _permit = permit;
        deleter.delete(&ctx, &table, &predicate, request.dry_run).await
    });
    Ok(Json(deleting.await.map_err(ApiError::internal)??))
}
