//! `/matrix/search`.

use std::sync::Arc;

use axum::extract::State;
use service::{Ctx, Json, Result};
use wire::Problem;
use wire::matrix::{SearchRequest, SearchResponse};

use crate::matrix::Matrix;

/// The nearest items over several corpora, moved by what worked before.
#[utoipa::path(post, path = "/matrix/search", request_body = SearchRequest,
    responses(
        (status = 200, body = SearchResponse),
        (status = 400, body = Problem, description = "what was wrong and what was expected"),
        (status = 404, body = Problem, description = "names the corpus that does not exist"),
        (status = 429, body = Problem, description = "embedd is overloaded; see Retry-After"),
        (status = 503, body = Problem, description = "names the peer that does not answer"),
    ))]
pub(crate) async fn search(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    Json(request): Json<SearchRequest>,
) -> Result<Json<SearchResponse>> {
    matrix.search(&ctx, request).await.map(Json)
}
