//! `POST /storage/.lakehouse/gc`: what unfinished uploads have left. Orphans of tables are catalogd's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use service::{ApiError, Json, Result};
use wire::storage::{CollectGarbage, CollectedGarbage, UnfinishedUpload, UploadKind};

use crate::s3::Uploads;

/// Uploads that nobody has touched for a day are hardly under way.
const DEFAULT_AGE_S: u64 = 24 * 3600;
/// Longer than any put may take, and than a client may be silent between two parts.
const MIN_AGE_S: u64 = 3600;
/// An answer names so many uploads.
const MAX_LISTED: usize = 100;

/// Where garbage gathers.
#[derive(Debug, Clone)]
pub(crate) struct Garbage {
    /// The URL of the warehouse.
    pub(crate) warehouse: String,
    pub(crate) uploads: Uploads,
}

/// Deletes what unfinished puts and unfinished uploads in parts have left, or only says what that is.
#[utoipa::path(post, path = "/storage/.lakehouse/gc", request_body = CollectGarbage, responses(
    (status = 200, description = "what was given up", body = CollectedGarbage),
    (status = 400, description = "younger uploads may be under way", body = wire::Problem),
))]
pub(crate) async fn collect(
    State(garbage): State<Garbage>,
    Json(request): Json<CollectGarbage>,
) -> Result<Json<CollectedGarbage>> {
    let CollectGarbage { older_than_s, dry_run } = request;
    let age_s = older_than_s.unwrap_or(DEFAULT_AGE_S);
    if age_s < MIN_AGE_S {
        let text = format!("older_than_s must be {MIN_AGE_S} or more: younger uploads may be under way");
        return Err(ApiError::invalid(text));
    }
    let before = SystemTime::now().checked_sub(Duration::from_secs(age_s)).unwrap_or(UNIX_EPOCH);
    let url = garbage.warehouse.clone();
    let swept = tokio::task::spawn_blocking(move || objects::sweep(&url, before, dry_run)).await;
    let puts = swept.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    let parts = garbage.uploads.give_up(before, dry_run).await.map_err(ApiError::internal)?;

    let puts = puts.into_iter().map(|put| UnfinishedUpload {
        kind: UploadKind::Put,
        id: put.id,
        key: None,
        size_bytes: put.size_bytes,
        modified_ms: milliseconds(put.modified),
    });
    let parts = parts.into_iter().map(|upload| UnfinishedUpload {
        kind: UploadKind::Multipart,
        id: upload.id,
        key: upload.key,
        size_bytes: upload.size_bytes,
        modified_ms: milliseconds(upload.modified),
    });
    let mut uploads: Vec<UnfinishedUpload> = puts.chain(parts).collect();
    uploads.sort_by_key(|upload| upload.modified_ms);
    let (upload_count, size_bytes) = (uploads.len(), uploads.iter().map(|upload| upload.size_bytes).sum());
    uploads.truncate(MAX_LISTED);
    Ok(Json(CollectedGarbage { dry_run, upload_count, size_bytes, uploads }))
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
