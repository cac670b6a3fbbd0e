//! What keeps a table small and fast: compaction of small files, expiry of old snapshots, removal of orphans.
//!
//! Each is planned first, so that a dry run shows what would happen, and each keeps the order of the house: a change is
//! committed before the files that it makes superfluous are deleted.

mod compact;
mod expire;
mod orphans;

pub use compact::{CompactionPlan, CompactionPolicy, compact, plan_compaction};
pub use expire::{Expiry, ExpiryPolicy, plan_expiry};
pub use orphans::{Orphan, find_orphans};

use crate::Warehouse;

/// Deletes files that nothing refers to any more, as far as the store lets it; returns how many are gone. What remains
/// is an orphan, which [`find_orphans`] finds later.
pub async fn delete_files(warehouse: &Warehouse, locations: Vec<String>) -> u64 {
    let file_io = warehouse.file_io();
    let mut deleted = 0;
    for location in locations {
        match file_io.delete(&location).await {
            Ok(()) => deleted += 1,
            Err(error) => tracing::warn!(%location, %error, "a superfluous file remains"),
        }
    }
    deleted
}
