//! `/vectors/versions`: whether anything has changed since an answer.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use service::{ApiError, Ctx, Json, Result};
use vector_index::{Error, Store};
use wire::Problem;
use wire::vectors::{GetVersions, IndexVersion, IndexVersions, MAX_BATCH_SEARCHES};

use crate::error::to_api;
use crate::indexes::Indexes;

/// The versions of several indexes at once. It takes no lock of an index and waits for none.
#[utoipa::path(
    post, path = "/vectors/versions", request_body = GetVersions,
    responses(
        (status = 200, body = IndexVersions, description = "an index that does not exist has no incarnation"),
        (status = 400, body = Problem, description = "too many names"),
    )
)]
pub(crate) async fn versions(
    State(indexes): State<Arc<Indexes>>,
    Ctx(ctx): Ctx,
    Json(request): Json<GetVersions>,
) -> Result<Json<IndexVersions>> {
    let got = request.indexes.len();
    if got > MAX_BATCH_SEARCHES {
        return Err(ApiError::invalid(format!("indexes names at most {MAX_BATCH_SEARCHES}, this one {got}")));
    }
    let store = indexes.opened()?;
    let version = |index| version(&indexes, store, index, request.lease, &ctx.request_id);
    Ok(Json(IndexVersions { versions: request.indexes.into_iter().map(version).collect() }))
}

fn version(
    indexes: &Indexes,
    store: &Store,
    index: String,
    with_lease: bool,
    request_id: &str,
) -> IndexVersion {
    // Before the index is looked at: a change that is not seen there finds the lease.
    let lease = (with_lease && store.get(&index).is_ok())
        .then(|| indexes.leases.grant(&index, Instant::now()))
        .flatten();
    match store.get(&index) {
        Ok(open) => {
            let version = open.version();
            let incarnation = Some(indexes.incarnation(version));
            let lease_ms = lease.map(|lease| lease.as_millis() as u64);
            IndexVersion { index, incarnation, version: version.changes, lease_ms, error: None }
        }
        Err(Error::NotFound { .. }) => IndexVersion { index, ..IndexVersion::default() },
        Err(error) => {
            let error = to_api(error);
            let error = Some(Problem::new(error.code(), error.detail(), request_id));
            IndexVersion { index, error, ..IndexVersion::default() }
        }
    }
}
