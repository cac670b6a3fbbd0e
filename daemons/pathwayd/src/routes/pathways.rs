//! `/pathways`: add, get, revise, retire, history, list, search.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use service::{Json, Path, Query, Result};
use uuid::Uuid;
use wire::Problem;
use wire::context::IDEMPOTENCY_KEY;
use wire::pathways::{
    Content, Found, History, HistoryQuery, ListQuery, Page, Pathway, Retire, Revise, Search, Written,
};

use crate::store::{Error, Store};

/// Adds a pathway; 201 once it is on disk. The same `Idempotency-Key` again: 200 and the first answer.
#[utoipa::path(post, path = "/pathways", request_body = Content,
    params(("idempotency-key" = Option<String>, Header, description = "makes a repeated call harmless")),
    responses(
        (status = 201, body = Written, description = "added"),
        (status = 200, body = Written, description = "added before, under the same key"),
        (status = 400, body = Problem),
        (status = 422, body = Problem, description = "the key was used with another request"),
    ))]
pub(crate) async fn add(
    State(store): State<Store>,
    headers: HeaderMap,
    Json(content): Json<Content>,
) -> Result<(StatusCode, Json<Written>)> {
    let once = store.add(content, idempotency_key(&headers)?).await?;
    let status = if once.is_replay { StatusCode::OK } else { StatusCode::CREATED };
    metrics::counter!("pathwayd_writes_total", "operation" => "add").increment(1);
    Ok((status, Json(once.written)))
}

/// The newest version of a pathway, also of a retired one.
#[utoipa::path(get, path = "/pathways/{id}", params(("id" = Uuid, Path)),
    responses((status = 200, body = Pathway), (status = 404, body = Problem)))]
pub(crate) async fn get(State(store): State<Store>, Path(id): Path<Uuid>) -> Result<Json<Pathway>> {
    Ok(Json(store.get(id).await?))
}

/// Replaces the content by a new version.
#[utoipa::path(post, path = "/pathways/{id}/revise", request_body = Revise,
    params(
        ("id" = Uuid, Path),
        ("idempotency-key" = Option<String>, Header, description = "makes a repeated call harmless"),
    ),
    responses(
        (status = 200, body = Written),
        (status = 400, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "there is a newer version, or the pathway is retired"),
        (status = 422, body = Problem, description = "the key was used with another request"),
    ))]
pub(crate) async fn revise(
    State(store): State<Store>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    Json(revise): Json<Revise>,
) -> Result<Json<Written>> {
    let once = store.revise(id, revise, idempotency_key(&headers)?).await?;
    metrics::counter!("pathwayd_writes_total", "operation" => "revise").increment(1);
    Ok(Json(once.written))
}

/// Takes a pathway out of lists and searches and keeps it readable. Harmless when repeated.
#[utoipa::path(post, path = "/pathways/{id}/retire", request_body = Retire, params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = Written),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "there is a newer version"),
    ))]
pub(crate) async fn retire(
    State(store): State<Store>,
    Path(id): Path<Uuid>,
    Json(retire): Json<Retire>,
) -> Result<Json<Written>> {
    let written = store.retire(id, retire).await?;
    metrics::counter!("pathwayd_writes_total", "operation" => "retire").increment(1);
    Ok(Json(written))
}

/// Every version of a pathway, oldest first.
#[utoipa::path(get, path = "/pathways/{id}/history", params(("id" = Uuid, Path), HistoryQuery),
    responses((status = 200, body = History), (status = 404, body = Problem)))]
pub(crate) async fn history(
    State(store): State<Store>,
    Path(id): Path<Uuid>,
    Query(query): Query<HistoryQuery>,
) -> Result<Json<History>> {
    Ok(Json(store.history(id, query).await?))
}

/// Active pathways in the order of their creation.
#[utoipa::path(get, path = "/pathways", params(ListQuery),
    responses((status = 200, body = Page), (status = 400, body = Problem)))]
pub(crate) async fn list(State(store): State<Store>, Query(query): Query<ListQuery>) -> Result<Json<Page>> {
    Ok(Json(store.list(query).await?))
}

/// Active pathways that share words with the query, best first.
#[utoipa::path(post, path = "/pathways/search", request_body = Search,
    responses((status = 200, body = Found), (status = 400, body = Problem)))]
pub(crate) async fn search(State(store): State<Store>, Json(search): Json<Search>) -> Result<Json<Found>> {
    Ok(Json(store.search(search).await?))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let not_text = |_| Error::Invalid(format!("{IDEMPOTENCY_KEY} is not printable ASCII"));
    Ok(headers
        .get(IDEMPOTENCY_KEY)
        .map(|key| key.to_str().map(str::to_owned))
        .transpose()
        .map_err(not_text)?)
}
