//! Maintenance of one table. A dry run does everything but change something.

use lake::maintenance::{self, CompactionPolicy, ExpiryPolicy, Orphan};
use lake::{DataFile, Rewrite};

use super::commit::MAX_ATTEMPTS;
use super::{Catalog, Result, now_ms, rows};
use crate::{CatalogError, TableName};

/// What a compaction did, or would do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Files that were rewritten.
    pub files_before: usize,
    /// Their size, bytes.
    pub bytes_before: u64,
    /// Files that hold the same rows now; unknown in a dry run.
    pub files_after: Option<usize>,
    /// Their size, bytes; unknown in a dry run.
    pub bytes_after: Option<u64>,
    /// The new snapshot; none if nothing was to do.
    pub snapshot_id: Option<i64>,
}

/// What an expiry did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// The snapshots that went, oldest first.
    pub snapshot_ids: Vec<i64>,
    /// Files that only they needed.
    pub files: Vec<String>,
}

impl Catalog {
    /// Rewrites small data files as larger ones.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchTable`], [`CatalogError::CommitFailed`] if files that were rewritten have gone meanwhile,
    /// and those of the warehouse.
    pub async fn compact(
        &self,
        table: TableName,
        policy: CompactionPolicy,
        is_dry_run: bool,
    ) -> Result<Compacted> {
        let version = self.load_table(table.clone()).await?;
        let metadata = &version.metadata;
        let plan = maintenance::plan_compaction(&self.warehouse, metadata, policy).await?;
        let mut compacted = Compacted {
            files_before: plan.files().count(),
            bytes_before: plan.size_bytes(),
            ..Compacted::default()
        };
        if is_dry_run || plan.groups.is_empty() {
            return Ok(compacted);
        }
        let compaction = maintenance::compact(&self.warehouse, metadata, &plan).await?;
        compacted.files_after = Some(compaction.added.len());
        compacted.bytes_after = Some(compaction.added.iter().map(DataFile::file_size_in_bytes).sum());
        match self.commit_compaction(&table, &compaction).await {
            Ok(snapshot_id) => Ok(Compacted { snapshot_id: Some(snapshot_id), ..compacted }),
            Err(error) => {
                if !matches!(error, CatalogError::CommitStateUnknown(_)) {
                    compaction.discard(&self.warehouse).await;
                }
                Err(error)
            }
        }
    }

    /// Rows that were appended meanwhile do not disturb it: only the manifests are written again.
    async fn commit_compaction(&self, table: &TableName, compaction: &Rewrite) -> Result<i64> {
        let mut attempt = 1;
        loop {
            let version = self.load_table(table.clone()).await?;
            let change = compaction.change(&self.warehouse, &version.metadata).await?;
            let snapshot_id = change.snapshot_id;
            match self.commit(vec![(table.clone(), change.request())], None).await {
                Ok(_) => return Ok(snapshot_id),
                Err(CatalogError::CommitFailed(_)) if attempt < MAX_ATTEMPTS => {
                    change.discard(&self.warehouse).await;
                    attempt += 1;
                }
                Err(unknown @ CatalogError::CommitStateUnknown(_)) => return Err(unknown),
                Err(error) => {
                    change.discard(&self.warehouse).await;
                    return Err(error);
                }
            }
        }
    }

    /// Removes old snapshots, then the files that only they needed.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchTable`], [`CatalogError::CommitFailed`] if a branch or a tag has moved meanwhile, and those
    /// of the warehouse.
    pub async fn expire_snapshots(
        &self,
        table: TableName,
        policy: ExpiryPolicy,
        is_dry_run: bool,
    ) -> Result<Expired> {
        let version = self.load_table(table.clone()).await?;
        let expiry = maintenance::plan_expiry(&self.warehouse, &version.metadata, policy).await?;
        let Some(expiry) = expiry else { return Ok(Expired::default()) };
        let own: Vec<String> =
            expiry.files.locations_in(version.metadata.location()).map(str::to_owned).collect();
        if !is_dry_run {
            self.commit(vec![(table, expiry.commit)], None).await?;
            maintenance::delete_files(&self.warehouse, own.clone()).await;
        }
        Ok(Expired { snapshot_ids: expiry.snapshot_ids, files: own })
    }

    /// Deletes files in the table's folder that no version of it refers to and that are older than `grace_ms`; returns
    /// them.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchTable`]; [`CatalogError::BadRequest`] if another table lies in the folder, whose files would
    /// look like orphans; and those of the warehouse.
    pub async fn remove_orphans(
        &self,
        table: TableName,
        grace_ms: i64,
        is_dry_run: bool,
    ) -> Result<Vec<Orphan>> {
        let version = self.load_table(table.clone()).await?;
        let folder = version.metadata.location().trim_end_matches('/').to_owned();
        let other = self.ledger.read(move |connection| rows::table_in(connection, &folder, Some(&table)));
        if let Some(other) = other.await? {
            let text =
                format!("{other} lies in the folder of this table: its files would be taken for orphans");
            return Err(CatalogError::BadRequest(text));
        }
        let orphans = maintenance::find_orphans(&self.warehouse, &version, now_ms() - grace_ms).await?;
        if !is_dry_run {
            let locations = orphans.iter().map(|orphan| orphan.location.clone()).collect();
            maintenance::delete_files(&self.warehouse, locations).await;
        }
        Ok(orphans)
    }
}
