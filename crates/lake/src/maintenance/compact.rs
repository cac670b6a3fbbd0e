//! Compaction: the rows of many small files in few large ones.

use futures::TryStreamExt;
use iceberg::spec::{Operation, TableMetadata};

use crate::plan::PlannedFile;
use crate::rewrite::{Rewrite, discard};
use crate::{DEFAULT_TARGET_FILE_BYTES, Result, TableWriter, Warehouse, data_files, read};

/// When files are rewritten.
#[derive(Debug, Clone, Copy)]
pub struct CompactionPolicy {
    /// How large files should be, bytes.
    pub target_file_bytes: u64,
    /// Fewer small files than this are left alone, unless they fill a file.
    pub min_files: usize,
}

impl Default for CompactionPolicy {
    /// Five files, as Iceberg's own procedure has it.
    fn default() -> Self {
        Self { target_file_bytes: DEFAULT_TARGET_FILE_BYTES as u64, min_files: 5 }
    }
}

/// Which files are rewritten.
#[derive(Debug, Clone)]
pub struct CompactionPlan {
    /// Each group becomes one file, or a few.
    pub groups: Vec<Vec<PlannedFile>>,
    policy: CompactionPolicy,
}

impl CompactionPlan {
    /// All files that are rewritten.
    pub fn files(&self) -> impl Iterator<Item = &PlannedFile> {
        self.groups.iter().flatten()
    }

    /// Their size, bytes.
    pub fn size_bytes(&self) -> u64 {
        self.files().map(|file| file.size_bytes).sum()
    }
}

/// A file below this part of the target is small, as Iceberg's own procedure has it.
const SMALL_PART: f64 = 0.75;

/// What a compaction of the table would rewrite: nothing, if `groups` is empty.
///
/// # Errors
/// Those of [`data_files`].
pub async fn plan_compaction(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    policy: CompactionPolicy,
) -> Result<CompactionPlan> {
    let files = data_files(warehouse, metadata, None).await?;
    Ok(CompactionPlan { groups: groups(files, policy), policy })
}

/// Small files, packed into bins in the order of the manifests, which is about that of their rows.
fn groups(files: Vec<PlannedFile>, policy: CompactionPolicy) -> Vec<Vec<PlannedFile>> {
    let small_bytes = (policy.target_file_bytes as f64 * SMALL_PART) as u64;
    let mut groups: Vec<Vec<PlannedFile>> = vec![Vec::new()];
    let mut filled = 0;
    for file in files.into_iter().filter(|file| file.size_bytes < small_bytes) {
        if filled + file.size_bytes > policy.target_file_bytes && filled > 0 {
            groups.push(Vec::new());
            filled = 0;
        }
        filled += file.size_bytes;
        if let Some(group) = groups.last_mut() {
            group.push(file);
        }
    }
    let size = |group: &[PlannedFile]| group.iter().map(|file| file.size_bytes).sum::<u64>();
    groups.retain(|group| group.len() > 1 && (group.len() >= policy.min_files || size(group) >= small_bytes));
    groups
}

/// Writes the rows of the planned files anew. To commit the change, or to discard the files, is up to the caller.
///
/// # Errors
/// Those of [`TableWriter`], after which nothing is left of what was written.
pub async fn compact(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    plan: &CompactionPlan,
) -> Result<Rewrite> {
    let target = usize::try_from(plan.policy.target_file_bytes).unwrap_or(usize::MAX);
    let removed = plan.files().map(|file| file.location.clone()).collect();
    let mut added = Vec::new();
    for group in &plan.groups {
        let mut writer = TableWriter::new(warehouse, metadata)?.with_target_file_bytes(target);
        let written = match copy(warehouse, metadata, group, &mut writer).await {
            Ok(()) => writer.finish().await,
            Err(error) => {
                writer.abort().await;
                Err(error)
            }
        };
        match written {
            Ok(files) => added.extend(files),
            Err(error) => {
                discard(warehouse, &added).await;
                return Err(error);
            }
        }
    }
    Ok(Rewrite::new(Operation::Replace, removed, added))
}

async fn copy(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    files: &[PlannedFile],
    writer: &mut TableWriter,
) -> Result<()> {
    let mut batches = read::rows(warehouse, metadata, files, None)?;
    while let Some(batch) = batches.try_next().await? {
        writer.write(&batch).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use iceberg::spec::{DataContentType, DataFile, DataFileBuilder, DataFileFormat, Struct};

    use super::*;

    fn file(name: usize, size_bytes: u64) -> PlannedFile {
        let location = format!("s3://lakehouse/t/{name}");
        let data_file: DataFile = DataFileBuilder::default()
            .content(DataContentType::Data)
            .file_path(location.clone())
            .file_format(DataFileFormat::Parquet)
            .partition(Struct::empty())
            .record_count(1)
            .file_size_in_bytes(size_bytes)
            .partition_spec_id(0)
            .build()
            .unwrap();
        PlannedFile { path: location.as_str().into(), location, size_bytes, record_count: 1, data_file }
    }

    fn sizes(sizes: &[u64]) -> Vec<Vec<u64>> {
        let files = sizes.iter().enumerate().map(|(name, size)| file(name, *size)).collect();
        let policy = CompactionPolicy { target_file_bytes: 100, min_files: 5 };
        let sizes = |group: Vec<PlannedFile>| group.iter().map(|file| file.size_bytes).collect();
        groups(files, policy).into_iter().map(sizes).collect()
    }

    #[test]
    fn small_files_are_packed_up_to_the_target_and_large_ones_left_alone() {
        assert_eq!(sizes(&[40, 100, 40, 90, 15, 40, 40]), [vec![40, 40, 15], vec![40, 40]]);
        assert_eq!(sizes(&[10, 10, 10, 10, 10]), [[10, 10, 10, 10, 10]]);
    }

    #[test]
    fn too_few_small_files_are_no_reason_to_rewrite() {
        assert_eq!(sizes(&[]), Vec::<Vec<u64>>::new());
        assert_eq!(sizes(&[10]), Vec::<Vec<u64>>::new());
        assert_eq!(sizes(&[10, 10, 10, 10]), Vec::<Vec<u64>>::new());
        assert_eq!(sizes(&[70]), Vec::<Vec<u64>>::new());
    }
}
