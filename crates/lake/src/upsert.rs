//! Upserts by copy-on-write: rows join a table in the place of those with the same keys. The files that hold such rows
//! are rewritten without them ([`crate::delete_rows`]), and both changes are one snapshot
//! ([`crate::Rewrite::change_joined_by`]).

use iceberg::spec::TableMetadata;

use crate::deletion::{DeletionPlan, plan};
use crate::{Keys, Result, Warehouse};

/// What an upsert replaces.
#[derive(Debug, Clone)]
pub struct UpsertPlan {
    /// The rows that go.
    pub replaced: DeletionPlan,
    /// Keys that are in the table. Fewer than rows that go, if the table has several rows with one key.
    pub keys_found: u64,
}

/// Finds the rows of the table that have one of `keys`.
///
/// # Errors
/// Those of [`crate::plan_deletion`].
pub async fn plan_upsert(warehouse: &Warehouse, metadata: &TableMetadata, keys: &Keys) -> Result<UpsertPlan> {
    let (mut is_found, mut keys_found) = (vec![false; keys.len()], 0);
    let replaced = plan(warehouse, metadata, keys, |batch| {
        let mut rows = 0;
        for position in keys.positions(batch)?.into_iter().flatten() {
            rows += 1;
            keys_found += u64::from(!std::mem::replace(&mut is_found[position], true));
        }
        Ok(rows)
    });
    let replaced = replaced.await?;
    Ok(UpsertPlan { replaced, keys_found })
}
