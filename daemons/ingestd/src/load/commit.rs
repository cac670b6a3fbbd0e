//! Data files into a table: one commit, repeated when somebody else's came first.

use std::collections::HashMap;

use lake::rest::CreateTable;
use lake::{DataFile, Promotion, TableChange, TableMetadata, Warehouse};
use wire::ingest::{IngestAnswer, SchemaChange};
use wire::{CallContext, ErrorCode};

use super::LoadError;
use super::replay::Claim;
use crate::catalogue::Catalogue;
use crate::reader::Widening;
use crate::table_name::TableName;

/// How often a commit is tried before the caller is told that the table is contended.
pub(crate) const MAX_ATTEMPTS: u32 = 10;

/// Files that wait to become part of a table.
pub(super) struct Commit<'a> {
    pub warehouse: &'a Warehouse,
    pub catalogue: &'a dyn Catalogue,
    pub table: &'a TableName,
    /// Whether the files replace the table's rows instead of joining them.
    pub replaces: bool,
    pub files: Vec<DataFile>,
    /// The columns that become wider in the same commit.
    pub widenings: &'a [Widening],
    /// What the snapshot says about itself.
    pub summary: HashMap<String, String>,
    /// The key under which the request came.
    pub claim: Option<&'a Claim<'a>>,
}

/// What a commit builds on.
pub(super) enum Base {
    /// A table as it was when its columns were read.
    Existing(Box<TableMetadata>),
    /// One whose columns become wider.
    Promoted(Box<TableMetadata>, Box<Promotion>),
    /// A table that is made first, as `planned`, for which the files were written.
    New { create: Box<CreateTable>, planned: Box<TableMetadata> },
}

impl Base {
    /// The table that the files are written for.
    pub(super) fn metadata(&self) -> &TableMetadata {
        match self {
            Self::Existing(metadata) => metadata,
            Self::Promoted(_, promotion) => &promotion.metadata,
            Self::New { planned, .. } => planned,
        }
    }

    /// The columns that become wider.
    pub(super) fn schema_changes(&self) -> Vec<SchemaChange> {
        let Self::Promoted(_, promotion) = self else { return Vec::new() };
        let changes = promotion.columns.iter().map(|column| SchemaChange {
            column: column.name.clone(),
            from: column.from.to_string(),
            to: column.to.to_string(),
        });
        changes.collect()
    }
}

/// The promotion that brings `widenings` about.
///
/// # Errors
/// [`lake::Error::Invalid`] if the table's columns are others by now.
pub(super) fn promotion(metadata: &TableMetadata, widenings: &[Widening]) -> lake::Result<Promotion> {
    let wider: Vec<_> = widenings.iter().map(|widening| (widening.column.as_str(), &widening.to)).collect();
    Promotion::plan(metadata, &wider)
}

/// How one attempt ended, other than well.
pub(crate) enum Attempt {
    /// The table has moved on: load it again.
    Conflict,
    /// A change under the same key was committed before: nothing is left to do.
    Repeated,
    /// It failed for good.
    Failed(LoadError),
}

impl Commit<'_> {
    /// Commits on top of `base`, or of what the table has become, and returns the id of the snapshot that holds the
    /// rows; none if it has expired already, which happens to a request that is repeated late. After a failure the data
    /// files are deleted, unless the commit may have happened.
    ///
    /// # Errors
    /// [`LoadError::Contended`], [`LoadError::ColumnsChanged`], [`LoadError::OutcomeUnknown`] and those of the
    /// catalogue and the warehouse.
    pub(super) async fn run(self, ctx: &CallContext, base: Base) -> Result<Option<i64>, LoadError> {
        let result = self.attempts(ctx, base).await;
        if let Err(error) = &result
            && !matches!(error, LoadError::OutcomeUnknown { .. })
        {
            delete_files(self.warehouse, &self.files).await;
        }
        result
    }

    async fn attempts(&self, ctx: &CallContext, base: Base) -> Result<Option<i64>, LoadError> {
        let written_as = base.metadata().current_schema().clone();
        let mut metadata = match base {
            Base::Existing(metadata) | Base::Promoted(metadata, _) => *metadata,
            Base::New { create, .. } => self.catalogue.create(ctx, self.table, *create).await?,
        };
        for _ in 0..MAX_ATTEMPTS {
            // Others may have made the columns as wide meanwhile.
            let is_as_written =
                |metadata: &TableMetadata| metadata.current_schema().as_struct() == written_as.as_struct();
            let promotion = match is_as_written(&metadata) {
                true => None,
                false => promotion(&metadata, self.widenings).ok(),
            };
            if !is_as_written(promotion.as_ref().map_or(&metadata, |promotion| &promotion.metadata)) {
                return Err(LoadError::ColumnsChanged(self.table.clone()));
            }
            let is_repeated = match self.attempt(ctx, &metadata, promotion.as_ref()).await {
                Ok(snapshot_id) => return Ok(Some(snapshot_id)),
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Repeated) => true,
                Err(Attempt::Conflict) => false,
            };
            let reloaded = self.catalogue.load(ctx, self.table).await?;
            metadata = reloaded.ok_or_else(|| LoadError::NoSuchTable(self.table.clone()))?;
            // What came first may be an earlier attempt at this very request, whose answer was lost.
            let answer =
                self.claim.and_then(|claim| claim.answer_in::<IngestAnswer>(&metadata)).transpose()?;
            if is_repeated || answer.is_some() {
                delete_files(self.warehouse, &self.files).await;
                return Ok(answer.and_then(|answer| answer.snapshot_id));
            }
            metrics::counter!("ingest_commit_conflicts_total").increment(1);
        }
        Err(LoadError::Contended(self.table.clone()))
    }

    async fn attempt(
        &self,
        ctx: &CallContext,
        metadata: &TableMetadata,
        promotion: Option<&Promotion>,
    ) -> Result<i64, Attempt> {
        let change = self.change(metadata, promotion).await.map_err(|error| Attempt::Failed(error.into()))?;
        let key = self.claim.map(Claim::commit_key);
        send(self.warehouse, self.catalogue, ctx, self.table, change, key.as_deref()).await
    }

    async fn change(
        &self,
        metadata: &TableMetadata,
        promotion: Option<&Promotion>,
    ) -> lake::Result<TableChange> {
        let (files, summary) = (self.files.clone(), self.summary.clone());
        let metadata = promotion.map_or(metadata, |promotion| &promotion.metadata);
        let change = if self.replaces {
            lake::overwrite(self.warehouse, metadata, files, summary).await?
        } else {
            lake::append(self.warehouse, metadata, files, summary).await?
        };
        Ok(match promotion {
            Some(promotion) => change.with(promotion),
            None => change,
        })
    }
}

/// Deletes data files that no table will refer to, as far as the store lets it.
pub(crate) async fn delete_files(warehouse: &Warehouse, files: &[DataFile]) {
    let locations = files.iter().map(|file| file.file_path().to_owned()).collect();
    lake::maintenance::delete_files(warehouse, locations).await;
}

/// Asks the catalogue for `change`; returns the id of its snapshot. After a definite refusal its manifests are gone.
pub(crate) async fn send(
    warehouse: &Warehouse,
    catalogue: &dyn Catalogue,
    ctx: &CallContext,
    table: &TableName,
    change: TableChange,
    key: Option<&str>,
) -> Result<i64, Attempt> {
    let snapshot_id = change.snapshot_id;
    let Err(error) = catalogue.commit(ctx, table, &change, key).await else {
        return Ok(snapshot_id);
    };
    if !error.is_outcome_unknown() {
        change.discard(warehouse).await;
        return Err(match key {
            _ if error.is(ErrorCode::Conflict) => Attempt::Conflict,
            Some(_) if error.is(ErrorCode::Unprocessable) => Attempt::Repeated,
            _ => Attempt::Failed(error.into()),
        });
    }
    // The history of the table knows what the lost answer would have said, unless the commit is still on its way.
    match catalogue.load(ctx, table).await {
        Ok(Some(now)) if now.snapshot_by_id(snapshot_id).is_some() => Ok(snapshot_id),
        _ => {
            let (table, source) = (table.clone(), Box::new(error));
            Err(Attempt::Failed(LoadError::OutcomeUnknown { table, source }))
        }
    }
}
