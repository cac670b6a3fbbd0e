//! `/catalog/tables/{table}/…`: what keeps tables small and fast. An operator asks for it, or a timer does.

use std::sync::Arc;

use axum::extract::State;
use lake::maintenance::{CompactionPolicy, ExpiryPolicy};
use service::{ApiError, Json, Path, Result};
use wire::catalog::{
    CompactTable, CompactedTable, ExpireSnapshots, ExpiredSnapshots, RemoveOrphans, RemovedOrphans,
};
use wire::{ErrorCode, Problem};

use crate::{Catalog, CatalogError, TableName};

/// Iceberg's own default for `history.expire.max-snapshot-age-ms`.
const DEFAULT_SNAPSHOT_AGE_S: u64 = 5 * 24 * 3600;
/// Iceberg's own default for its procedure that removes orphans.
const DEFAULT_ORPHAN_AGE_S: u64 = 3 * 24 * 3600;
/// Longer than any write may take from its first data file to its commit.
const MIN_ORPHAN_AGE_S: u64 = 3600;
/// An answer names so many files.
const MAX_LISTED: usize = 100;

/// Rewrites small data files as larger ones, in a new snapshot of the same rows.
#[utoipa::path(post, path = "/catalog/tables/{table}/compact",
    params(("table" = String, Path, description = "`namespace.name`")), request_body = CompactTable,
    responses((status = 200, body = CompactedTable), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "a file that was rewritten has gone meanwhile", body = Problem),
        (status = 501, description = "the table has partitions or row-level deletes", body = Problem)))]
pub(crate) async fn compact(
    State(catalog): State<Arc<Catalog>>,
    Path(table): Path<String>,
    Json(request): Json<CompactTable>,
) -> Result<Json<CompactedTable>> {
    let CompactTable { target_file_bytes, min_files, dry_run } = request;
    let table = table_name(&table)?;
    let default = CompactionPolicy::default();
    let policy = CompactionPolicy {
        target_file_bytes: target_file_bytes.unwrap_or(default.target_file_bytes),
        min_files: min_files.unwrap_or(default.min_files),
    };
    if policy.target_file_bytes == 0 {
        return Err(ApiError::invalid("target_file_bytes must be 1 or more"));
    }
    let name = table.to_string();
    let done = detached(async move { catalog.compact(table, policy, dry_run).await }).await?;
    Ok(Json(CompactedTable {
        table: name,
        dry_run,
        files_before: done.files_before,
        bytes_before: done.bytes_before,
        files_after: done.files_after,
        bytes_after: done.bytes_after,
        snapshot_id: done.snapshot_id,
    }))
}

/// Removes old snapshots, and the files that only they needed. What branches and tags name stays.
#[utoipa::path(post, path = "/catalog/tables/{table}/expire-snapshots",
    params(("table" = String, Path, description = "`namespace.name`")), request_body = ExpireSnapshots,
    responses((status = 200, body = ExpiredSnapshots), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "a branch or a tag has moved meanwhile", body = Problem)))]
pub(crate) async fn expire_snapshots(
    State(catalog): State<Arc<Catalog>>,
    Path(table): Path<String>,
    Json(request): Json<ExpireSnapshots>,
) -> Result<Json<ExpiredSnapshots>> {
    let ExpireSnapshots { older_than_s, retain_last, dry_run } = request;
    let table = table_name(&table)?;
    let age_ms = milliseconds(older_than_s.unwrap_or(DEFAULT_SNAPSHOT_AGE_S));
    let policy = ExpiryPolicy {
        older_than_ms: jiff::Timestamp::now().as_millisecond().saturating_sub(age_ms),
        retain_last: retain_last.unwrap_or(1),
    };
    let name = table.to_string();
    let done = detached(async move { catalog.expire_snapshots(table, policy, dry_run).await }).await?;
    let file_count = done.files.len();
    let mut files = done.files;
    files.truncate(MAX_LISTED);
    Ok(Json(ExpiredSnapshots { table: name, dry_run, snapshot_ids: done.snapshot_ids, file_count, files }))
}

/// Deletes files in the table's folder that nothing refers to: what crashes and refused commits leave behind.
#[utoipa::path(post, path = "/catalog/tables/{table}/remove-orphans",
    params(("table" = String, Path, description = "`namespace.name`")), request_body = RemoveOrphans,
    responses((status = 200, body = RemovedOrphans), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn remove_orphans(
    State(catalog): State<Arc<Catalog>>,
    Path(table): Path<String>,
    Json(request): Json<RemoveOrphans>,
) -> Result<Json<RemovedOrphans>> {
    let RemoveOrphans { older_than_s, dry_run } = request;
    let table = table_name(&table)?;
    let age_s = older_than_s.unwrap_or(DEFAULT_ORPHAN_AGE_S);
    if age_s < MIN_ORPHAN_AGE_S {
        let text = format!(
            "older_than_s must be {MIN_ORPHAN_AGE_S} or more: younger files may belong to a commit under way"
        );
        return Err(ApiError::invalid(text));
    }
    let name = table.to_string();
    let done =
        detached(async move { catalog.remove_orphans(table, milliseconds(age_s), dry_run).await }).await?;
    Ok(Json(RemovedOrphans {
        table: name,
        dry_run,
        file_count: done.len(),
        size_bytes: done.iter().map(|orphan| orphan.size_bytes).sum(),
        files: done.into_iter().take(MAX_LISTED).map(|orphan| orphan.location).collect(),
    }))
}

/// Work that goes on to its end when the caller leaves: half of it would leave files behind.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = std::result::Result<T, CatalogError>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work).await.map_err(ApiError::internal)?.map_err(to_api)
}

fn table_name(text: &str) -> Result<TableName> {
    TableName::from_text(text).map_err(to_api)
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}

fn to_api(error: CatalogError) -> ApiError {
    let code = match &error {
        CatalogError::BadRequest(_) => ErrorCode::InvalidArgument,
        CatalogError::NoSuchNamespace(_) | CatalogError::NoSuchTable(_) => ErrorCode::NotFound,
        CatalogError::CommitFailed(_) => ErrorCode::Conflict,
        CatalogError::Unsupported(_) => ErrorCode::NotImplemented,
        CatalogError::Outage { outage: lake::Outage::Full, .. } => ErrorCode::InsufficientStorage,
        CatalogError::Outage { .. } => ErrorCode::Unavailable,
        _ => return ApiError::internal(error),
    };
    ApiError::new(code, error.to_string())
}
