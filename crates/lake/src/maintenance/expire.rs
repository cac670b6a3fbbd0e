//! Expiry: snapshots that nobody may ask for any more, and the files that only they need.
//!
//! Iceberg specification, "Snapshot Retention Policy".

use std::collections::{BTreeSet, HashMap};

use iceberg::spec::{SnapshotReference, SnapshotRetention, TableMetadata};
use iceberg::{TableRequirement, TableUpdate};

use crate::references::{IfMissing, References};
use crate::rest::CommitTable;
use crate::{Error, Result, Warehouse};

/// What is kept where a branch does not say so itself.
#[derive(Debug, Clone, Copy)]
pub struct ExpiryPolicy {
    /// Snapshots from then on are kept, Unix milliseconds.
    pub older_than_ms: i64,
    /// So many of each branch are kept, however old they are; at least 1.
    pub retain_last: usize,
}

/// What an expiry does.
#[derive(Debug)]
pub struct Expiry {
    /// The snapshots that go, oldest first.
    pub snapshot_ids: Vec<i64>,
    /// What to ask the catalogue for.
    pub commit: CommitTable,
    /// What to delete once it has agreed.
    pub files: References,
}

/// What expires of a table under `policy`; `None` if nothing does.
///
/// # Errors
/// [`Error::Iceberg`] if a manifest or a manifest list cannot be read.
pub async fn plan_expiry(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    policy: ExpiryPolicy,
) -> Result<Option<Expiry>> {
    let refs = references(metadata)?;
    let kept = kept_snapshots(metadata, &refs, policy);
    let mut expired: Vec<_> =
        metadata.snapshots().filter(|snapshot| !kept.contains(&snapshot.snapshot_id())).collect();
    if expired.is_empty() {
        return Ok(None);
    }
    expired.sort_unstable_by_key(|snapshot| snapshot.sequence_number());
    let snapshot_ids: Vec<i64> = expired.iter().map(|snapshot| snapshot.snapshot_id()).collect();

    let still_needed =
        References::of_snapshots(warehouse, metadata, |id| kept.contains(&id), IfMissing::Fail).await?;
    // An expiry that was interrupted may have deleted some of them.
    let of_expired =
        References::of_snapshots(warehouse, metadata, |id| !kept.contains(&id), IfMissing::Skip).await?;
    // A reference that moves to a snapshot that goes would lose it.
    let unmoved = refs.into_iter().map(|(name, reference)| TableRequirement::RefSnapshotIdMatch {
        r#ref: name,
        snapshot_id: Some(reference.snapshot_id),
    });
    let same_table = TableRequirement::UuidMatch { uuid: metadata.uuid() };
    let commit = CommitTable {
        identifier: None,
        requirements: std::iter::once(same_table).chain(unmoved).collect(),
        updates: vec![TableUpdate::RemoveSnapshots { snapshot_ids: snapshot_ids.clone() }],
    };
    Ok(Some(Expiry { snapshot_ids, commit, files: of_expired.without(&still_needed) }))
}

/// The branches and tags. `TableMetadata` shows them in its JSON form only.
fn references(metadata: &TableMetadata) -> Result<HashMap<String, SnapshotReference>> {
    let unreadable = |error: serde_json::Error| Error::Invalid(format!("the table's references: {error}"));
    let mut json = serde_json::to_value(metadata).map_err(unreadable)?;
    match json.get_mut("refs") {
        Some(refs) => serde_json::from_value(refs.take()).map_err(unreadable),
        None => Ok(HashMap::new()),
    }
}

fn kept_snapshots(
    metadata: &TableMetadata,
    refs: &HashMap<String, SnapshotReference>,
    policy: ExpiryPolicy,
) -> BTreeSet<i64> {
    let mut kept = BTreeSet::new();
    let mut on_branches = BTreeSet::new();
    for reference in refs.values() {
        kept.insert(reference.snapshot_id);
        let SnapshotRetention::Branch { min_snapshots_to_keep, max_snapshot_age_ms, .. } =
            reference.retention
        else {
            continue;
        };
        let own_least = min_snapshots_to_keep.and_then(|least| usize::try_from(least).ok());
        let least = own_least.unwrap_or(policy.retain_last).max(1);
        let own_limit = max_snapshot_age_ms.map(|age| jiff::Timestamp::now().as_millisecond() - age);
        let older_than_ms = own_limit.unwrap_or(policy.older_than_ms);
        let mut next = metadata.snapshot_by_id(reference.snapshot_id);
        let mut position = 0;
        while let Some(snapshot) = next {
            on_branches.insert(snapshot.snapshot_id());
            if position < least || snapshot.timestamp_ms() >= older_than_ms {
                kept.insert(snapshot.snapshot_id());
            }
            position += 1;
            next = snapshot.parent_snapshot_id().and_then(|parent| metadata.snapshot_by_id(parent));
        }
    }
    // Those of no branch, such as one that was rolled back.
    let loose = metadata.snapshots().filter(|snapshot| {
        !on_branches.contains(&snapshot.snapshot_id()) && snapshot.timestamp_ms() >= policy.older_than_ms
    });
    kept.extend(loose.map(|snapshot| snapshot.snapshot_id()));
    kept
}
