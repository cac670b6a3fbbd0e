//! `/matrix/corpora`.

use std::sync::Arc;

use axum::extract::State;
use service::{Ctx, Json, Result};
use wire::Problem;
use wire::matrix::CorpusList;

use crate::matrix::Matrix;

/// What can be searched.
#[utoipa::path(get, path = "/matrix/corpora",
    responses((status = 200, body = CorpusList), (status = 503, body = Problem)))]
pub(crate) async fn list(State(matrix): State<Arc<Matrix>>, Ctx(ctx): Ctx) -> Result<Json<CorpusList>> {
    matrix.corpora.list(&ctx, &matrix.config.corpora).await.map(Json)
}
