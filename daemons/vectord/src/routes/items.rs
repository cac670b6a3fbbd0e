//! `/vectors/index/{name}/add`, `/delete` and `/items/{id}`.

use std::sync::Arc;

use axum::extract::State;
use service::{ApiError, Json, Path, Result};
use vector_index::{Item, Metadata};
use wire::Problem;
use wire::vectors::{AddItems, Added, DeleteItems, Deleted, NewItem, StoredItem, either_vector};

use crate::expiry::now_ms;
use crate::indexes::Indexes;

/// Adds items, or replaces those with the same ids: all of them, durably, or none.
#[utoipa::path(
    post, path = "/vectors/index/{name}/add", params(("name" = String, Path)), request_body = AddItems,
    responses(
        (status = 200, body = Added, description = "the items are on disk"),
        (status = 400, body = Problem, description = "which item is at fault and what was expected; nothing was stored"),
        (status = 404, body = Problem),
        (status = 503, body = Problem, description = "the index is quarantined, or takes no writes"),
        (status = 507, body = Problem, description = "no space left; nothing was stored"),
    )
)]
pub(crate) async fn add(
    State(indexes): State<Arc<Indexes>>,
    Path(name): Path<String>,
    Json(request): Json<AddItems>,
) -> Result<Json<Added>> {
    let items = request.items.into_iter().enumerate().map(|(position, item)| {
        read(item).map_err(|expected| {
            ApiError::invalid(format!("items[{position}]: {expected}; nothing was stored"))
        })
    });
    let items: Vec<Item> = items.collect::<Result<_>>()?;
    let changed = indexes.run(move |store| store.get(&name)?.add(items)).await?;
    Ok(Json(Added { added: changed.added, updated: changed.updated, version: changed.version }))
}

fn read(item: NewItem) -> std::result::Result<Item, String> {
    let vector = either_vector(item.vector, item.vector_b64.as_deref())?;
    let metadata = item.metadata.parse().map_err(|error| format!("metadata: {error}"))?;
    Ok(Item { id: item.id, vector, metadata: Metadata::from_map(&metadata), expires_ms: None })
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
    let changed = indexes.run(move |store| store.get(&name)?.delete(request.ids)).await?;
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
    let item = indexes.run(move |store| Ok(store.get(&name)?.get(&id, now_ms()))).await?.ok_or(missing)?;
    Ok(Json(StoredItem { id: item.id, vector: item.vector, metadata: item.metadata.into() }))
}
