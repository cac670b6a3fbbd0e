//! `/matrix/retrieve`.

use std::sync::Arc;

use axum::extract::State;
use service::{Ctx, Json, Result};
use wire::Problem;
use wire::matrix::{RetrieveRequest, RetrieveResponse};

use crate::matrix::Matrix;

/// Rows of the corpus' table that satisfy a condition, nearest to the query first.
#[utoipa::path(post, path = "/matrix/retrieve", request_body = RetrieveRequest,
    responses(
        (status = 200, body = RetrieveResponse),
        (status = 400, body = Problem, description = "what was wrong; also a corpus without a table"),
        (status = 404, body = Problem, description = "no such corpus or table"),
        (status = 503, body = Problem, description = "names the peer that does not answer"),
    ))]
pub(crate) async fn retrieve(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    Json(request): Json<RetrieveRequest>,
) -> Result<Json<RetrieveResponse>> {
    matrix.retrieve(&ctx, request).await.map(Json)
}
