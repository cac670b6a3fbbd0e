//! Which files hold the rows of a snapshot.

use iceberg::spec::{DataFile, DataFileFormat, ManifestContentType, TableMetadata};
use object_store::path::Path;

use crate::snapshot::{current_manifests, has_live_files};
use crate::{Error, Result, Warehouse};

/// One data file of a snapshot.
#[derive(Debug, Clone)]
pub struct PlannedFile {
    /// The location as it stands in the manifest: `s3://lakehouse/…`.
    pub location: String,
    /// The object in [`Warehouse::store`].
    pub path: Path,
    /// Size of the file, bytes.
    pub size_bytes: u64,
    /// Rows in the file.
    pub record_count: u64,
    /// The manifest's whole entry: null counts and bounds by field id.
    pub data_file: DataFile,
}

/// The files whose rows together are the table at `snapshot_id`, or at its current snapshot; none if it has none.
///
/// # Errors
/// [`Error::Invalid`] for an unknown snapshot. [`Error::Unsupported`] if the snapshot has row-level deletes or files
/// that are not Parquet: an error is better than rows that were deleted.
pub async fn data_files(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    snapshot_id: Option<i64>,
) -> Result<Vec<PlannedFile>> {
    let file_io = warehouse.file_io();
    let mut files = Vec::new();
    for manifest in current_manifests(&file_io, metadata, snapshot_id).await? {
        if !has_live_files(&manifest) {
            continue;
        }
        if manifest.content == ManifestContentType::Deletes {
            return Err(Error::Unsupported("reading row-level deletes is not supported yet".to_owned()));
        }
        for entry in manifest.load_manifest(&file_io).await?.entries() {
            if entry.is_alive() {
                files.push(planned(warehouse, entry.data_file())?);
            }
        }
    }
    Ok(files)
}

fn planned(warehouse: &Warehouse, file: &DataFile) -> Result<PlannedFile> {
    if file.file_format() != DataFileFormat::Parquet {
        return Err(Error::Unsupported(format!(
            "reading {} data files is not supported",
            file.file_format()
        )));
    }
    Ok(PlannedFile {
        location: file.file_path().to_owned(),
        path: warehouse.object_path(file.file_path())?,
        size_bytes: file.file_size_in_bytes(),
        record_count: file.record_count(),
        data_file: file.clone(),
    })
}
