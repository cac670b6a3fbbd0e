//! Deletion of rows by copy-on-write: the files that hold some are written anew without them. So a person can be erased,
//! once the snapshots before have expired.

use arrow::array::RecordBatch;
use arrow::compute::{filter_record_batch, not};
use futures::TryStreamExt;
use iceberg::spec::{Operation, TableMetadata};

use crate::plan::PlannedFile;
use crate::rewrite::Rewrite;
use crate::{Result, Selection, TableWriter, Warehouse, data_files, read};

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

/// Finds the rows of `selection`. Only the columns are read that it depends on, and only of files whose statistics do not
/// exclude it.
///
/// # Errors
/// [`crate::Error::Invalid`] if the selection does not fit the table; those of [`data_files`].
pub async fn plan_deletion(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    selection: &dyn Selection,
) -> Result<DeletionPlan> {
    plan(warehouse, metadata, selection, |batch| Ok(selection.mask(batch)?.true_count() as u64)).await
}

/// [`plan_deletion`], by what `count` says how many of the rows of a batch are meant.
pub(crate) async fn plan(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    selection: &dyn Selection,
    mut count: impl FnMut(&RecordBatch) -> Result<u64> + Send,
) -> Result<DeletionPlan> {
    let columns: Vec<&str> = selection.columns().into_iter().collect();
    let mut affected = Vec::new();
    for file in data_files(warehouse, metadata, None).await? {
        if !selection.may_be_in(&file)? {
            continue;
        }
        let mut found = 0;
        let mut batches = read::rows(warehouse, metadata, std::slice::from_ref(&file), Some(&columns))?;
        while let Some(batch) = batches.try_next().await? {
            found += count(&batch)?;
        }
        if found > 0 {
            affected.push((file, found));
        }
    }
    Ok(DeletionPlan { affected })
}

/// Writes the rows of the affected files that `selection` does not mean. A file without such rows just goes.
///
/// # Errors
/// Those of [`TableWriter`], after which nothing is left of what was written.
pub async fn delete_rows(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    selection: &dyn Selection,
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
    match copy_others(warehouse, metadata, selection, &kept, &mut writer).await {
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
    selection: &dyn Selection,
    files: &[PlannedFile],
    writer: &mut TableWriter,
) -> Result<()> {
    let mut batches = read::rows(warehouse, metadata, files, None)?;
    while let Some(batch) = batches.try_next().await? {
        let stays = not(&selection.mask(&batch)?)?;
        writer.write(&filter_record_batch(&batch, &stays)?).await?;
    }
    Ok(())
}
