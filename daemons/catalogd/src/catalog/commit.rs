//! The commit: metadata file first, pointer second.

use std::sync::Arc;

use lake::rest::CommitTable;
use lake::{TableRequirement, VersionedMetadata};

use super::{Catalog, Result, now_ms, rows};
use crate::{CatalogError, TableName};

/// How often a commit is rebuilt on a version that came in between. Most commits name the snapshot that they follow,
/// and end at the second attempt as a conflict; those that do not, such as properties, go through.
const MAX_ATTEMPTS: u32 = 5;

impl Catalog {
    /// Applies the updates to the table if the requirements hold; durable on return.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchTable`]; [`CatalogError::CommitFailed`] if a requirement does not hold;
    /// [`CatalogError::BadRequest`] for an update that cannot be applied; [`CatalogError::CommitStateUnknown`] if the
    /// transaction failed at its end.
    pub async fn commit(&self, table: TableName, request: CommitTable) -> Result<Arc<VersionedMetadata>> {
        for _ in 0..MAX_ATTEMPTS {
            let current = match self.load_table(table.clone()).await {
                Err(CatalogError::NoSuchTable(_))
                    if request.requirements.contains(&TableRequirement::NotExist) =>
                {
                    return Err(CatalogError::NotBuilt(
                        "staged creation of tables is not built yet".to_owned(),
                    ));
                }
                current => current?,
            };
            let updates = request.updates.clone();
            let next = Arc::new(lake::commit(&self.warehouse, &current, &request.requirements, updates)?);
            if *next == *current {
                return Ok(current);
            }
            lake::write_metadata(&self.warehouse, &next).await?;
            let (key, from, to) = (table.clone(), Arc::clone(&current), Arc::clone(&next));
            let moved = self
                .ledger
                .write(move |transaction| rows::move_pointer(transaction, &key, &from, &to, now_ms()));
            match self.settle(&table, next, moved.await).await {
                Err(CatalogError::CommitFailed(_)) => {
                    metrics::counter!("catalogd_commit_retries_total").increment(1);
                }
                settled => return settled,
            }
        }
        metrics::counter!("catalogd_commit_conflicts_total").increment(1);
        Err(CatalogError::CommitFailed(format!(
            "{table} was changed by others {MAX_ATTEMPTS} times in a row"
        )))
    }

    /// Ends a write whose metadata file is stored: keeps the version at hand, or deletes the file of one that was
    /// definitely refused. Where the transaction itself failed the file stays: it may be the current one yet.
    pub(super) async fn settle(
        &self,
        table: &TableName,
        version: Arc<VersionedMetadata>,
        outcome: Result<()>,
    ) -> Result<Arc<VersionedMetadata>> {
        match outcome {
            Ok(()) => {
                self.loaded.lock().insert(table.clone(), Arc::clone(&version));
                Ok(version)
            }
            Err(CatalogError::Database(error)) if !is_undone(&error) => {
                Err(CatalogError::CommitStateUnknown(error))
            }
            Err(refused) => {
                lake::delete_metadata(&self.warehouse, &version).await;
                Err(refused)
            }
        }
    }
}

/// Whether nothing of a failed write remains, nor can come back after a restart.
fn is_undone(error: &ledger::Error) -> bool {
    use ledger::Error::{Busy, DiskFull, GroupLost, Panicked};
    matches!(error, Busy | DiskFull | GroupLost | Panicked)
}
