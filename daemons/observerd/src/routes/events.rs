//! `/observer/events`: record and list.

use axum::extract::State;
use service::{Json, Query, Result};
use wire::Problem;
use wire::observer::{EventsPage, EventsQuery, Record, Recorded};

use crate::store::Store;

/// Records events, all of them or none; answers once they are on disk. Repeating a request does no harm: an id counts
/// once, and its first event stays.
#[utoipa::path(post, path = "/observer/events", request_body = Record,
    responses((status = 200, body = Recorded), (status = 400, body = Problem)))]
pub(crate) async fn record(State(store): State<Store>, Json(record): Json<Record>) -> Result<Json<Recorded>> {
    let recorded = store.record(record.events).await?;
    metrics::counter!("observerd_events_total").increment(recorded.accepted);
    metrics::counter!("observerd_duplicate_events_total").increment(recorded.duplicates);
    Ok(Json(recorded))
}

/// Events in the order of their arrival.
#[utoipa::path(get, path = "/observer/events", params(EventsQuery),
    responses((status = 200, body = EventsPage), (status = 400, body = Problem)))]
pub(crate) async fn list(
    State(store): State<Store>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<EventsPage>> {
    Ok(Json(store.events(query).await?))
}
