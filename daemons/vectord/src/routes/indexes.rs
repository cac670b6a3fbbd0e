//! `/vectors/index` and `/vectors/index/{name}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use service::{Json, Path, Result};
use vector_index::{Created, Info, Listed};
use wire::Problem;
use wire::vectors::{CreateIndex, Distance, IndexInfo, IndexList, IndexStatus, QuarantinedIndex};

use crate::answers;
use crate::indexes::Indexes;
use crate::telemetry;

/// Creates an empty index, unless the same exists.
#[utoipa::path(
    post, path = "/vectors/index", request_body = CreateIndex,
    responses(
        (status = 201, body = IndexInfo, description = "it is new"),
        (status = 200, body = IndexInfo, description = "the same index existed"),
        (status = 400, body = Problem, description = "a name or dimension out of bounds"),
        (status = 409, body = Problem, description = "an index of this name has other properties"),
        (status = 503, body = Problem, description = "the index of this name is quarantined"),
        (status = 507, body = Problem, description = "no space left"),
    )
)]
pub(crate) async fn create(
    State(indexes): State<Arc<Indexes>>,
    Json(request): Json<CreateIndex>,
) -> Result<(StatusCode, Json<IndexInfo>)> {
    let CreateIndex { name, dimension, distance } = request;
    // One of this name may have been dropped by somebody who did not wait for the end of its leases.
    let (created, info) = indexes
        .change(&name.clone(), move |store| {
            let created = store.create(&name, dimension, from_wire(distance))?;
            Ok((created, store.get(&name)?.info()))
        })
        .await?;
    let status = match created {
        Created::New => StatusCode::CREATED,
        Created::Existing => StatusCode::OK,
    };
    Ok((status, Json(to_wire(info))))
}

/// Lists all indexes, the quarantined ones apart.
#[utoipa::path(get, path = "/vectors/index", responses((status = 200, body = IndexList)))]
pub(crate) async fn list(State(indexes): State<Arc<Indexes>>) -> Result<Json<IndexList>> {
    let mut list = IndexList::default();
    for listed in indexes.run(|store| Ok(store.list())).await? {
        match listed {
            Listed::Open(info) => list.indexes.push(to_wire(info)),
            Listed::Quarantined { name, reason } => list.quarantined.push(QuarantinedIndex { name, reason }),
        }
    }
    Ok(Json(list))
}

/// Says how an index is doing.
#[utoipa::path(
    get, path = "/vectors/index/{name}", params(("name" = String, Path)),
    responses(
        (status = 200, body = IndexInfo),
        (status = 404, body = Problem),
        (status = 503, body = Problem, description = "the index is quarantined"),
    )
)]
pub(crate) async fn info(
    State(indexes): State<Arc<Indexes>>,
    Path(name): Path<String>,
) -> Result<Json<IndexInfo>> {
    let info = indexes.run(move |store| Ok(store.get(&name)?.info())).await?;
    Ok(Json(to_wire(info)))
}

/// Drops an index and its files, also when it is quarantined.
#[utoipa::path(
    delete, path = "/vectors/index/{name}", params(("name" = String, Path)),
    responses((status = 204, description = "it is gone, durably"), (status = 404, body = Problem))
)]
pub(crate) async fn drop_index(
    State(indexes): State<Arc<Indexes>>,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    let dropped = name.clone();
    Arc::clone(&indexes).change(&name, move |store| store.drop_index(&dropped)).await?;
    indexes.forget(&name);
    telemetry::forget(&name);
    Ok(StatusCode::NO_CONTENT)
}

fn from_wire(distance: Distance) -> vector_index::Distance {
    match distance {
        Distance::Cosine => vector_index::Distance::Cosine,
        Distance::Dot => vector_index::Distance::Dot,
        Distance::Euclidean => vector_index::Distance::Euclidean,
    }
}

pub(super) fn to_wire(info: Info) -> IndexInfo {
    IndexInfo {
        name: info.name,
        dimension: info.dimension,
        distance: answers::to_wire(info.distance),
        count: info.count,
        version: info.version,
        status: if info.is_sealing { IndexStatus::Building } else { IndexStatus::Ready },
        sealed: info.sealed,
        segments: info.segments,
        indexed: info.indexed,
        buffered: info.buffered,
        dead: info.dead,
        unreachable: info.unreachable,
        wal_bytes: info.wal_bytes,
    }
}
