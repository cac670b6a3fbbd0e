//! `/matrix/draft`.

use std::sync::Arc;

use axum::extract::State;
use service::{Ctx, Json, Result};
use wire::Problem;
use wire::drafts::{DraftRequest, DraftResponse};

use crate::matrix::Matrix;

/// Writes a message about work and judges it, until it breaks no rule or the rounds are over. A draft that breaks rules is an
/// answer with `ok: false`, not an error; so is one that a template wrote because no model answered.
#[utoipa::path(post, path = "/matrix/draft", request_body = DraftRequest,
    responses(
        (status = 200, body = DraftResponse),
        (status = 400, body = Problem, description = "what was wrong and what was expected"),
        (status = 404, body = Problem, description = "there is no such worker, no corpus of workers, or no such model"),
        (status = 503, body = Problem, description = "names the peer that knows the workers"),
    ))]
pub(crate) async fn draft(
    State(matrix): State<Arc<Matrix>>,
    Ctx(ctx): Ctx,
    Json(request): Json<DraftRequest>,
) -> Result<Json<DraftResponse>> {
    matrix.draft(&ctx, &request).await.map(Json)
}
