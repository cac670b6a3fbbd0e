//! `GET /storage`.

use axum::extract::State;
use object_store::ObjectMeta;
use service::{ApiError, Json, Query, Result};
use wire::storage::{DEFAULT_LIST_LIMIT, ListObjects, MAX_LIST_LIMIT, ObjectInfo, ObjectList};

use crate::Storage;
use crate::error::store_error;

/// Lists objects by prefix, a page at a time, in the byte order of their keys.
#[utoipa::path(get, path = "/storage", params(ListObjects), responses(
    (status = 200, description = "a page of objects", body = ObjectList),
    (status = 400, description = "no such limit, or a prefix that no key can have", body = wire::Problem),
))]
pub(crate) async fn list(
    State(storage): State<Storage>,
    Query(query): Query<ListObjects>,
) -> Result<Json<ObjectList>> {
    let limit = query.limit.unwrap_or(DEFAULT_LIST_LIMIT);
    if !(1..=MAX_LIST_LIMIT).contains(&limit) {
        return Err(ApiError::invalid(format!("limit is 1 to {MAX_LIST_LIMIT}, not {limit}")));
    }
    let (prefix, after) = (query.prefix.as_str(), query.after.as_deref());
    let page = objects::list_page(&*storage.store, prefix, after, limit as usize)
        .await
        .map_err(|error| store_error(prefix, error))?;
    let next = page.objects.last().filter(|_| page.has_more).map(|object| object.location.to_string());
    Ok(Json(ObjectList { objects: page.objects.into_iter().map(object_info).collect(), next }))
}

fn object_info(meta: ObjectMeta) -> ObjectInfo {
    ObjectInfo {
        key: meta.location.to_string(),
        size: meta.size,
        etag: meta.e_tag.unwrap_or_default(),
        modified: meta.last_modified.to_rfc3339(),
    }
}
