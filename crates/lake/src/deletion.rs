//! Deletion of rows by copy-on-write: the files that hold some are written anew without them. So a person can be erased,
//! once the snapshots before have expired.

use arrow::compute::{filter_record_batch, not};
use futures::TryStreamExt;
use iceberg::spec::{Operation, TableMetadata};

use crate::plan::PlannedFile;
use crate::predicate::Predicate;
use crate::rewrite::Rewrite;
use crate::{Result, TableWriter, Warehouse, data_files, read};

/// The files that hold rows to delete, with how many.
#[derive(Debug, Clone, Default)]
pub struct DeletionPlan {
    affected: Vec<(PlannedFile, u64)>,
}

impl DeletionPlan {
    /// Rows to delete.
    pub fn rows(&self) -> u64 {
        self.affected.iter().map(|(_, rows)| rows).sum()
    }

    /// Files that hold some.
    pub fn files(&self) -> usize {
        self.affected.len()
    }
}

/// Finds the rows for which `predicate` holds. Only the columns are read that it depends on.
///
/// # Errors
/// [`crate::Error::Invalid`] if the predicate does not fit the table; those of [`data_files`].
pub async fn plan_deletion(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    predicate: &Predicate,
) -> Result<DeletionPlan> {
    let columns: Vec<&str> = predicate.columns().into_iter().collect();
    let mut affected = Vec::new();
    for file in data_files(warehouse, metadata, None).await? {
        let mut found = 0;
        let mut batches = read::rows(warehouse, metadata, std::slice::from_ref(&file), Some(&columns))?;
        while let Some(batch) = batches.try_next().await? {
            found += predicate.mask(&batch)?.true_count() as u64;
        }
        if found > 0 {
            affected.push((file, found));
        }
    }
    Ok(DeletionPlan { affected })
}

/// Writes the rows of the affected files for which `predicate` does not hold. A file without such rows just goes.
///
/// # Errors
/// Those of [`TableWriter`], after which nothing is left of what was written.
pub async fn delete_rows(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    predicate: &Predicate,
    plan: &DeletionPlan,
) -> Result<Rewrite> {
    let removed = plan.affected.iter().map(|(file, _)| file.location.clone()).collect();
    let kept: Vec<PlannedFile> = plan
        .affected
        .iter()
        .filter(|(file, deleted)| *deleted < file.record_count)
        .map(|(file, _)| file.clone())
        .collect();
    let mut writer = TableWriter::new(warehouse, metadata)?;
    match copy_others(warehouse, metadata, predicate, &kept, &mut writer).await {
        Ok(()) => Ok(Rewrite::new(Operation::Overwrite, removed, writer.finish().await?)),
        Err(error) => {
            writer.abort().await;
            Err(error)
        }
    }
}

async fn copy_others(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    predicate: &Predicate,
    files: &[PlannedFile],
    writer: &mut TableWriter,
) -> Result<()> {
    let mut batches = read::rows(warehouse, metadata, files, None)?;
    while let Some(batch) = batches.try_next().await? {
        let stays = not(&predicate.mask(&batch)?)?;
        writer.write(&filter_record_batch(&batch, &stays)?).await?;
    }
    Ok(())
}
