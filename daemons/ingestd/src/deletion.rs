//! Rows out of a table, in one commit or not at all.

use std::sync::Arc;

use lake::{Keys, Predicate, Selection, TableMetadata, Warehouse};
use serde_json::{Map, Value};
use wire::CallContext;
use wire::ingest::DeletedRows;

use crate::catalogue::Catalogue;
use crate::load::{Attempt, LoadError, MAX_ATTEMPTS, send};
use crate::table_name::TableName;

/// Which rows go.
#[derive(Debug, Clone)]
pub(crate) enum Which {
    /// Those for which a condition holds.
    Where(Predicate),
    /// Those with these keys, which are read when the table's types are known.
    Keys(Vec<Map<String, Value>>),
}

impl Which {
    fn selection(&self, metadata: &TableMetadata) -> lake::Result<Box<dyn Selection>> {
        Ok(match self {
            Self::Where(predicate) => Box::new(predicate.clone()),
            Self::Keys(keys) => Box::new(Keys::parse(metadata, keys)?),
        })
    }
}

/// Deletes rows.
pub(crate) struct Deleter {
    warehouse: Warehouse,
    catalogue: Arc<dyn Catalogue>,
}

impl Deleter {
    /// A deleter of rows in the tables of `warehouse`.
    pub(crate) fn new(warehouse: Warehouse, catalogue: Arc<dyn Catalogue>) -> Self {
        Self { warehouse, catalogue }
    }

    /// Deletes the rows that `which` says. Once this returns `Ok`, no later query sees them, and those that came
    /// meanwhile have been looked at too. To ask twice does no harm.
    ///
    /// # Errors
    /// Any [`LoadError`]; nothing has changed then, except where it says otherwise.
    pub(crate) async fn delete(
        &self,
        ctx: &CallContext,
        table: &TableName,
        which: &Which,
        is_dry_run: bool,
    ) -> Result<DeletedRows, LoadError> {
        for _ in 0..MAX_ATTEMPTS {
            let metadata = self.catalogue.load(ctx, table).await?;
            let metadata = metadata.ok_or_else(|| LoadError::NoSuchTable(table.clone()))?;
            let selection = which.selection(&metadata)?;
            let plan = lake::plan_deletion(&self.warehouse, &metadata, &*selection).await?;
            let mut deleted = DeletedRows {
                table: table.to_string(),
                rows_deleted: plan.rows(),
                files_rewritten: plan.files(),
                snapshot_id: None,
            };
            if is_dry_run || plan.rows() == 0 {
                return Ok(deleted);
            }
            let deletion = lake::delete_rows(&self.warehouse, &metadata, &*selection, &plan).await?;
            let change = match deletion.change(&self.warehouse, &metadata).await {
                Ok(change) => change,
                Err(error) => {
                    deletion.discard(&self.warehouse).await;
                    return Err(error.into());
                }
            };
            match send(&self.warehouse, &*self.catalogue, ctx, table, change, None).await {
                Ok(snapshot_id) => {
                    deleted.snapshot_id = Some(snapshot_id);
                    return Ok(deleted);
                }
                Err(Attempt::Failed(unknown @ LoadError::OutcomeUnknown { .. })) => return Err(unknown),
                Err(Attempt::Failed(error)) => {
                    deletion.discard(&self.warehouse).await;
                    return Err(error);
                }
                // Rows may have come, or moved to other files: all of it again.
                Err(Attempt::Conflict | Attempt::Repeated) => deletion.discard(&self.warehouse).await,
            }
        }
        Err(LoadError::Contended(table.clone()))
    }
}
