//! `/vectors/index/{name}/add`, `/delete` and `/items/{id}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use service::{ApiError, Json, Path, Query, Result};
use vector_index::{Collection, Error, Item, Metadata};
use wire::Problem;
use wire::vectors::{
    Accepted, AddItems, AddOptions, Added, DeleteItems, Deleted, MAX_TTL_S, NewItem, StoredItem,
    either_vector,
};

use crate::expiry::now_ms;
use crate::indexes::Indexes;

/// Adds items, or replaces those with the same ids: all of them, durably, or none.
#[utoipa::path(
    post, path = "/vectors/index/{name}/add", params(("name" = String, Path), AddOptions), request_body = AddItems,
    responses(
        (status = 200, body = Added, description = "the items are on disk, and searches see them"),
        (status = 202, body = Accepted, description = "with wait=false: the items are on disk"),
        (status = 400, body = Problem, description = "which item is at fault and what was expected; nothing was stored"),
        (status = 404, body = Problem),
        (status = 503, body = Problem, description = "the index is quarantined, or takes no writes"),
        (status = 507, body = Problem, description = "no space left; nothing was stored"),
    )
)]
pub(crate) async fn add(
    State(indexes): State<Arc<Indexes>>,
    Path(name): Path<String>,
    Query(AddOptions { wait }): Query<AddOptions>,
    Json(request): Json<AddItems>,
) -> Result<Response> {
    let now_ms = now_ms();
    let items = request.items.into_iter().enumerate().map(|(position, item)| {
        read(item, now_ms).map_err(|expected| {
            ApiError::invalid(format!("items[{position}]: {expected}; nothing was stored"))
        })
    });
    let items: Vec<Item> = items.collect::<Result<_>>()?;
    if !wait {
        let accepted = items.len();
        let version = change(indexes, name, |index| index.add_nowait(items)).await?;
        return Ok((StatusCode::ACCEPTED, Json(Accepted { accepted, version })).into_response());
    }
    let changed = change(indexes, name, |index| index.add(items)).await?;
    let added = Added { added: changed.added, updated: changed.updated, version: changed.version };
    Ok(Json(added).into_response())
}

async fn change<T: Send + 'static>(
    indexes: Arc<Indexes>,
    name: String,
    work: impl FnOnce(&Collection) -> std::result::Result<T, Error> + Send + 'static,
) -> Result<T> {
    let changed = name.clone();
    indexes.change(&changed, move |store| work(&*store.get(&name)?)).await
}

fn read(item: NewItem, now_ms: u64) -> std::result::Result<Item, String> {
    let vector = either_vector(item.vector, item.vector_b64.as_deref())?;
    let metadata = item.metadata.parse().map_err(|error| format!("metadata: {error}"))?;
    let expires_ms = item.ttl_s.map(|ttl_s| match ttl_s {
        1..=MAX_TTL_S => Ok(now_ms + 1000 * ttl_s),
        _ => Err(format!("ttl_s is 1 to {MAX_TTL_S} seconds, not {ttl_s}")),
    });
    let expires_ms = expires_ms.transpose()?;
    Ok(Item { id: item.id, vector, metadata: Metadata::from_map(&metadata), expires_ms })
}

/// Deletes items, durably. Ids without an item are passed over.
#[utoipa::path(
    post, path = "/vectors/index/{name}/delete", params(("name" = String, Path)), request_body = DeleteItems,
    responses(
        (status = 200, body = Deleted, description = "the deletion is on disk"),
        (status = 404, body = Problem),
        (status = 503, body = Problem, description = "the index is quarantined, or takes no writes"),
        (status = 507, body = Problem, description = "no space left; nothing was deleted"),
    )
)]
pub(crate) async fn delete(
    State(indexes): State<Arc<Indexes>>,
    Path(name): Path<String>,
    Json(request): Json<DeleteItems>,
) -> Result<Json<Deleted>> {
    let changed = change(indexes, name, |index| index.delete(request.ids)).await?;
    Ok(Json(Deleted { deleted: changed.deleted, version: changed.version }))
}

/// One item, as stored.
#[utoipa::path(
    get, path = "/vectors/index/{name}/items/{id}", params(("name" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = StoredItem), (status = 404, body = Problem))
)]
pub(crate) async fn item(
    State(indexes): State<Arc<Indexes>>,
    Path((name, id)): Path<(String, String)>,
) -> Result<Json<StoredItem>> {
    let missing = ApiError::not_found(format!("index {name:?} has no item {id:?}"));
    let item = indexes.run(move |store| store.get(&name)?.get(&id, now_ms())).await?.ok_or(missing)?;
    let expires_at = item.expires_ms.and_then(|ms| Timestamp::from_millisecond(ms.cast_signed()).ok());
    Ok(Json(StoredItem { id: item.id, vector: item.vector, metadata: item.metadata.into(), expires_at }))
}
