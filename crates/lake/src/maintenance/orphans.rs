//! Files in a table's folder that no version of the table refers to: what crashes and refused commits leave behind.

use futures::TryStreamExt;

use crate::references::References;
use crate::{BUCKET, Result, VersionedMetadata, Warehouse};

/// A file that nothing refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// `s3://lakehouse/…`.
    pub location: String,
    /// Its size, bytes.
    pub size_bytes: u64,
    /// When it was written, milliseconds since the Unix epoch.
    pub modified_ms: i64,
}

/// The orphans in the folder of a table that were written before `older_than_ms`, Unix milliseconds. Files of a commit
/// that is still under way look like orphans too: only their age tells.
///
/// # Errors
/// Those of [`References::of`]; [`crate::Error::Storage`] if the folder cannot be listed.
pub async fn find_orphans(
    warehouse: &Warehouse,
    version: &VersionedMetadata,
    older_than_ms: i64,
) -> Result<Vec<Orphan>> {
    let folder = warehouse.object_path(version.metadata.location())?;
    // Listed first: what is committed after the version was loaded is younger than any grace period.
    let objects: Vec<_> = warehouse.store().list(Some(&folder)).try_collect().await?;
    let references = References::of(warehouse, version).await?;
    let orphans = objects.into_iter().filter_map(|object| {
        let location = format!("{BUCKET}{}", object.location);
        let modified_ms = object.last_modified.timestamp_millis();
        let is_orphan = modified_ms < older_than_ms && !references.contains(&location);
        is_orphan.then_some(Orphan { location, size_bytes: object.size, modified_ms })
    });
    let mut orphans: Vec<Orphan> = orphans.collect();
    orphans.sort_unstable_by(|a, b| a.location.cmp(&b.location));
    Ok(orphans)
}
