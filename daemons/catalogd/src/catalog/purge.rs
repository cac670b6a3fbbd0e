//! The end of tables whose files shall go with them. What is asked for is durable: an interrupted purge goes on.

use std::time::Duration;

use lake::{References, maintenance};

use super::{Catalog, Result, rows};
use crate::CatalogError;

/// After a failure, unless another purge is asked for before.
const RETRY_AFTER: Duration = Duration::from_secs(60);

impl Catalog {
    /// Deletes what shall be purged, now and whenever something is asked for.
    pub async fn purge_forever(&self) {
        loop {
            match self.purge().await {
                Ok(()) => self.purge_requested.notified().await,
                Err(error) => {
                    tracing::warn!(?error, "the files of a dropped table remain; trying again");
                    let _ = tokio::time::timeout(RETRY_AFTER, self.purge_requested.notified()).await;
                }
            }
        }
    }

    async fn purge(&self) -> Result<()> {
        for location in self.ledger.read(rows::purges).await? {
            self.purge_table(&location).await?;
            self.ledger.write(move |transaction| rows::delete_purge(transaction, &location)).await?;
        }
        Ok(())
    }

    /// Deletes the files of a table in its own folder, from the metadata file at `location` on. Those elsewhere, which
    /// somebody has lent to it, stay.
    async fn purge_table(&self, location: &str) -> Result<()> {
        if !self.warehouse.exists(location).await.map_err(CatalogError::of_warehouse)? {
            return Ok(());
        }
        let last =
            lake::read_metadata(&self.warehouse, location).await.map_err(CatalogError::of_warehouse)?;
        let files = References::left_of(&self.warehouse, &last).await.map_err(CatalogError::of_warehouse)?;
        let own = files.locations_in(last.metadata.location()).filter(|file| *file != location);
        let own = own.map(str::to_owned).collect();
        let deleted = maintenance::delete_files(&self.warehouse, own).await;
        // Last, because it is from there that an interrupted purge finds its way.
        lake::delete_metadata(&self.warehouse, &last).await;
        tracing::info!(location, files = deleted + 1, "purged a dropped table");
        Ok(())
    }
}
