//! `/observer/stats`: counts and scores.

use axum::extract::State;
use service::{Json, Query, Result};
use wire::Problem;
use wire::observer::{Stats, StatsQuery};

use crate::store::Store;

/// Counts by kind and role, by hour, and the scores of those events that carry one.
#[utoipa::path(get, path = "/observer/stats", params(StatsQuery),
    responses((status = 200, body = Stats), (status = 400, body = Problem)))]
pub(crate) async fn stats(
    State(store): State<Store>,
    Query(query): Query<StatsQuery>,
) -> Result<Json<Stats>> {
    Ok(Json(store.stats(query).await?))
}
