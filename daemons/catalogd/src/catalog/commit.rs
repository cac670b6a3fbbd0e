//! The commit: metadata files first, pointers second, all in one transaction.

use std::collections::BTreeSet;
use std::sync::Arc;

use lake::rest::CommitTable;
use lake::{TableRequirement, VersionedMetadata};

use super::once::{Done, RequestKey, in_transaction};
use super::rows::Action;
use super::{Catalog, Result, now_ms, rows};
use crate::{CatalogError, TableName};

/// How often a commit is rebuilt on a version that came in between. Most commits name the snapshot that they follow,
/// and end at the second attempt as a conflict; those that do not, such as properties, go through.
pub(super) const MAX_ATTEMPTS: u32 = 5;

/// What a commit does to one table.
pub(super) struct Step {
    pub(super) table: TableName,
    pub(super) action: Action,
    /// The version before; none for a table that is new.
    pub(super) from: Option<Arc<VersionedMetadata>>,
    pub(super) to: Arc<VersionedMetadata>,
}

impl Step {
    fn changes_anything(&self) -> bool {
        self.from.as_ref().is_none_or(|from| **from != *self.to)
    }

    /// Whether the commit has written the metadata file, which is then its to delete.
    fn owns_file(&self) -> bool {
        self.action != Action::Register && self.changes_anything()
    }
}

impl Catalog {
    /// Applies the updates to the tables if the requirements hold, to all or to none; durable on return. A table that
    /// does not exist is created where `assert-create` asks for that.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchTable`]; [`CatalogError::CommitFailed`] if a requirement does not hold;
    /// [`CatalogError::BadRequest`] for an update that cannot be applied, or a table that is named twice;
    /// [`CatalogError::KeyReused`]; [`CatalogError::CommitStateUnknown`] if the transaction failed at its end.
    pub async fn commit(
        &self,
        changes: Vec<(TableName, CommitTable)>,
        key: Option<RequestKey>,
    ) -> Result<Vec<Arc<VersionedMetadata>>> {
        let mut named = BTreeSet::new();
        if let Some((twice, _)) = changes.iter().find(|(table, _)| !named.insert(table)) {
            return Err(CatalogError::BadRequest(format!("{twice} is named twice")));
        }
        self.once(key.as_ref(), self.attempts(&changes, key.as_ref())).await
    }

    async fn attempts(
        &self,
        changes: &[(TableName, CommitTable)],
        key: Option<&RequestKey>,
    ) -> Result<Vec<Arc<VersionedMetadata>>> {
        for _ in 0..MAX_ATTEMPTS {
            let mut steps = Vec::with_capacity(changes.len());
            for (table, request) in changes {
                steps.push(self.step(table, request).await?);
            }
            match self.take(steps, key.cloned()).await {
                // Somebody else was faster: whether the requirements hold is to be seen again.
                Err(CatalogError::CommitFailed(_) | CatalogError::AlreadyExists(_)) => {
                    metrics::counter!("catalogd_commit_retries_total").increment(1);
                }
                taken => return taken,
            }
        }
        metrics::counter!("catalogd_commit_conflicts_total").increment(1);
        let tables: Vec<String> = changes.iter().map(|(table, _)| table.to_string()).collect();
        Err(CatalogError::CommitFailed(format!(
            "{} changed {MAX_ATTEMPTS} times in a row meanwhile",
            tables.join(", ")
        )))
    }

    /// What `request` does to the table as it is now.
    async fn step(&self, table: &TableName, request: &CommitTable) -> Result<Step> {
        let CommitTable { requirements, updates, .. } = request;
        match self.load_table(table.clone()).await {
            Ok(current) => {
                let next = lake::commit(&self.warehouse, &current, requirements, updates.clone())?;
                let (from, to) = (Some(current), Arc::new(next));
                Ok(Step { table: table.clone(), action: Action::Commit, from, to })
            }
            Err(CatalogError::NoSuchTable(_)) if requirements.contains(&TableRequirement::NotExist) => {
                self.namespace(table.namespace.clone()).await?;
                let (namespace, updates) = (table.namespace.parts(), updates.clone());
                let first =
                    lake::create_by_commit(&self.warehouse, namespace, &table.name, requirements, updates)?;
                Ok(Step { table: table.clone(), action: Action::Create, from: None, to: Arc::new(first) })
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the metadata files, then moves the pointers in one transaction.
    pub(super) async fn take(
        &self,
        steps: Vec<Step>,
        key: Option<RequestKey>,
    ) -> Result<Vec<Arc<VersionedMetadata>>> {
        for (written, step) in steps.iter().enumerate().filter(|(_, step)| step.owns_file()) {
            if let Err(error) = lake::write_metadata(&self.warehouse, &step.to).await {
                self.discard(&steps[..written]).await;
                return Err(error.into());
            }
        }
        let steps = Arc::new(steps);
        let (moves, locations) = (Arc::clone(&steps), locations(&steps));
        let done = self.ledger.write(move |transaction| {
            in_transaction(transaction, key.as_ref(), &locations, now_ms(), || {
                moves.iter().try_for_each(|step| move_pointer(transaction, step))
            })
        });
        self.settle(&steps, done.await).await
    }

    /// Ends a write whose metadata files are stored: keeps the versions at hand, or deletes the files of one that was
    /// definitely refused. Where the transaction itself failed the files stay: they may be the current ones yet.
    async fn settle(&self, steps: &[Step], outcome: Result<Done>) -> Result<Vec<Arc<VersionedMetadata>>> {
        match outcome {
            Ok(Done::Now) => {
                let mut loaded = self.loaded.lock();
                loaded.extend(steps.iter().map(|step| (step.table.clone(), Arc::clone(&step.to))));
                Ok(steps.iter().map(|step| Arc::clone(&step.to)).collect())
            }
            Ok(Done::Before(locations)) => {
                self.discard(steps).await;
                self.versions_at(&locations).await
            }
            Err(CatalogError::Database(error)) if !is_undone(&error) => {
                Err(CatalogError::CommitStateUnknown(error))
            }
            Err(refused) => {
                self.discard(steps).await;
                Err(refused)
            }
        }
    }

    async fn discard(&self, steps: &[Step]) {
        for step in steps.iter().filter(|step| step.owns_file()) {
            lake::delete_metadata(&self.warehouse, &step.to).await;
        }
    }
}

fn locations(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| step.to.location.clone()).collect()
}

fn move_pointer(transaction: &ledger::rusqlite::Transaction<'_>, step: &Step) -> Result<()> {
    match &step.from {
        None => rows::insert_table(transaction, &step.table, &step.to, step.action, now_ms()),
        Some(from) if step.changes_anything() => {
            rows::move_pointer(transaction, &step.table, from, &step.to, now_ms())
        }
        Some(_) => Ok(()),
    }
}

/// Whether nothing of a failed write remains, nor can come back after a restart.
fn is_undone(error: &ledger::Error) -> bool {
    use ledger::Error::{Busy, DiskFull, GroupLost, Panicked};
    matches!(error, Busy | DiskFull | GroupLost | Panicked)
}
