//! Data files to snapshots: the manifests and the manifest list of an append, an overwrite or a replacement.
//!
//! Iceberg specification, "Snapshots", "Manifests", "Manifest Lists". Everything written here is durable and
//! unreferenced until the catalogue accepts the [`TableChange`].

use std::collections::{BTreeSet, HashMap};

use iceberg::io::FileIO;
use iceberg::spec::{
    DataFile, FormatVersion, MAIN_BRANCH, ManifestContentType, ManifestFile, ManifestList,
    ManifestListWriter, ManifestWriter, ManifestWriterBuilder, Operation, PartitionSpec, SchemaRef, Snapshot,
    SnapshotReference, SnapshotRetention, Summary, TableMetadata,
};
use iceberg::{TableRequirement, TableUpdate};
use serde::Serialize;
use uuid::Uuid;

use crate::rest::CommitTable;
use crate::summary::summarise;
use crate::writer::refuse_partitioned;
use crate::{Error, Result, Warehouse};

/// A manifest entry takes its sequence number from the snapshot that adds it. Iceberg specification, "Sequence
/// Number Inheritance"; any negative number asks the manifest writer for that.
const INHERITED: i64 = -1;

/// What a catalogue is asked to commit: the body of Iceberg REST's `POST …/tables/{table}`.
#[derive(Debug, Serialize)]
pub struct TableChange {
    /// What must still hold of the table; if it does not, the change is refused as a conflict.
    pub requirements: Vec<TableRequirement>,
    /// What happens to the table's metadata.
    pub updates: Vec<TableUpdate>,
    /// The snapshot that the change adds.
    #[serde(skip)]
    pub snapshot_id: i64,
    /// The manifests and the manifest list that only this change refers to.
    #[serde(skip)]
    written: Vec<String>,
}

impl TableChange {
    /// The same as a catalogue takes it.
    pub fn request(&self) -> CommitTable {
        let (requirements, updates) = (self.requirements.clone(), self.updates.clone());
        CommitTable { identifier: None, requirements, updates }
    }

    /// Deletes the metadata files of a change that the catalogue refused. Call it after a definite refusal only: a
    /// commit whose outcome is unknown may have happened, and its files be in use. Data files stay, for the retry.
    pub async fn discard(self, warehouse: &Warehouse) {
        delete_written(&warehouse.file_io(), &self.written).await;
    }
}

async fn delete_written(file_io: &FileIO, locations: &[String]) {
    for location in locations {
        if let Err(error) = file_io.delete(location).await {
            tracing::warn!(%location, %error, "a metadata file of a refused commit remains");
        }
    }
}

/// Adds `files` to the rows of the table.
///
/// `summary` may hold properties of the caller's own; computed figures win.
///
/// # Errors
/// [`Error::Unsupported`] for a partitioned table or one that is not format version 2; [`Error::Iceberg`] if
/// current manifests cannot be read or new ones not written.
pub async fn append(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    files: Vec<DataFile>,
    summary: HashMap<String, String>,
) -> Result<TableChange> {
    let mut producer = Producer::new(warehouse, metadata)?;
    let figures = summarise(metadata, Operation::Append, &files, &[], summary);
    let mut manifests = current_manifests(&producer.file_io, metadata, None).await?;
    manifests.retain(has_live_files);
    manifests.extend(producer.write_added(files).await?);
    producer.change(manifests, figures).await
}

/// Replaces all rows of the table by those in `files`; no files means an empty table.
///
/// # Errors
/// As [`append`].
pub async fn overwrite(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    files: Vec<DataFile>,
    summary: HashMap<String, String>,
) -> Result<TableChange> {
    let mut producer = Producer::new(warehouse, metadata)?;
    let (manifests, removed) = producer.write_without(|_| true).await?;
    producer.exchange(Operation::Overwrite, manifests, &removed, files, summary).await
}

/// Puts the rows in `added` in the place of those in the data files at the locations `removed`. With
/// [`Operation::Replace`] the rows are the same ones, in other files; with [`Operation::Overwrite`] they are not.
///
/// # Errors
/// As [`append`], and [`Error::Conflict`] if a file to remove is no longer part of the table.
pub async fn replace(
    warehouse: &Warehouse,
    metadata: &TableMetadata,
    operation: Operation,
    removed: &BTreeSet<String>,
    added: Vec<DataFile>,
    summary: HashMap<String, String>,
) -> Result<TableChange> {
    let mut producer = Producer::new(warehouse, metadata)?;
    let (manifests, found) = producer.write_without(|file| removed.contains(file.file_path())).await?;
    if found.len() != removed.len() {
        producer.discard_written().await;
        let text = format!(
            "{} of {} files are no longer part of the table",
            removed.len() - found.len(),
            removed.len()
        );
        return Err(Error::Conflict(text));
    }
    producer.exchange(operation, manifests, &found, added, summary).await
}

/// The manifests of a snapshot, the current one by default; none for a table that has no snapshot.
pub(crate) async fn current_manifests(
    file_io: &FileIO,
    metadata: &TableMetadata,
    snapshot_id: Option<i64>,
) -> Result<Vec<ManifestFile>> {
    let snapshot = match snapshot_id {
        None => metadata.current_snapshot(),
        Some(id) => Some(
            metadata
                .snapshot_by_id(id)
                .ok_or_else(|| Error::Invalid(format!("the table has no snapshot {id}")))?,
        ),
    };
    let Some(snapshot) = snapshot else { return Ok(Vec::new()) };
    let bytes = file_io.new_input(snapshot.manifest_list())?.read().await?;
    let list = ManifestList::parse_with_version(&bytes, metadata.format_version())?;
    Ok(list.consume_entries().into_iter().collect())
}

/// Whether a manifest still holds files of the table; one that only records deletions need not be carried on.
pub(crate) fn has_live_files(manifest: &ManifestFile) -> bool {
    manifest.has_added_files() || manifest.has_existing_files()
}

/// Writes the metadata files of one snapshot on top of the table's current one.
struct Producer<'a> {
    file_io: FileIO,
    metadata: &'a TableMetadata,
    snapshot_id: i64,
    commit_id: Uuid,
    written: Vec<String>,
}

impl<'a> Producer<'a> {
    fn new(warehouse: &Warehouse, metadata: &'a TableMetadata) -> Result<Self> {
        refuse_partitioned(metadata)?;
        if metadata.format_version() != FormatVersion::V2 {
            let version = metadata.format_version();
            return Err(Error::Unsupported(format!(
                "only tables of format version 2 are written, not {version}"
            )));
        }
        Ok(Self {
            file_io: warehouse.file_io(),
            metadata,
            snapshot_id: new_snapshot_id(metadata),
            commit_id: Uuid::now_v7(),
            written: Vec::new(),
        })
    }

    /// One manifest that adds `files`; none if there are no files.
    async fn write_added(&mut self, files: Vec<DataFile>) -> Result<Option<ManifestFile>> {
        if files.is_empty() {
            return Ok(None);
        }
        let schema = self.metadata.current_schema().clone();
        let spec = self.metadata.default_partition_spec().as_ref().clone();
        let mut writer = self.manifest_writer(ManifestContentType::Data, schema, spec)?;
        for file in files {
            writer.add_file(file, INHERITED)?;
        }
        Ok(Some(writer.write_manifest_file().await?))
    }

    /// The current manifests without the data files that `is_removed` names, and these files. A manifest that held some
    /// is written anew, and says which, as readers of changes expect.
    async fn write_without(
        &mut self,
        is_removed: impl Fn(&DataFile) -> bool,
    ) -> Result<(Vec<ManifestFile>, Vec<DataFile>)> {
        let (mut manifests, mut removed) = (Vec::new(), Vec::new());
        for manifest in current_manifests(&self.file_io, self.metadata, None).await? {
            if !has_live_files(&manifest) {
                continue;
            }
            let (entries, source) = manifest.load_manifest(&self.file_io).await?.into_parts();
            let live: Vec<_> = entries.iter().filter(|entry| entry.is_alive()).collect();
            let (gone, kept): (Vec<_>, Vec<_>) =
                live.into_iter().partition(|entry| is_removed(entry.data_file()));
            if gone.is_empty() {
                manifests.push(manifest);
                continue;
            }
            let spec = source.partition_spec().clone();
            let mut writer = self.manifest_writer(manifest.content, source.schema().clone(), spec)?;
            for entry in kept {
                let sequence_number = entry.sequence_number().unwrap_or(manifest.sequence_number);
                let added_by = entry.snapshot_id().unwrap_or(manifest.added_snapshot_id);
                let file = entry.data_file().clone();
                writer.add_existing_file(file, added_by, sequence_number, entry.file_sequence_number)?;
            }
            for entry in gone {
                let sequence_number = entry.sequence_number().unwrap_or(manifest.sequence_number);
                let file = entry.data_file().clone();
                writer.add_delete_file(file.clone(), sequence_number, entry.file_sequence_number)?;
                removed.push(file);
            }
            manifests.push(writer.write_manifest_file().await?);
        }
        Ok((manifests, removed))
    }

    /// The change to a snapshot of `manifests` and `added`, in which `removed` are no more.
    async fn exchange(
        mut self,
        operation: Operation,
        mut manifests: Vec<ManifestFile>,
        removed: &[DataFile],
        added: Vec<DataFile>,
        summary: HashMap<String, String>,
    ) -> Result<TableChange> {
        let figures = summarise(self.metadata, operation, &added, removed, summary);
        manifests.extend(self.write_added(added).await?);
        self.change(manifests, figures).await
    }

    /// Deletes what has been written for a change that will not be.
    async fn discard_written(&self) {
        delete_written(&self.file_io, &self.written).await;
    }

    fn manifest_writer(
        &mut self,
        content: ManifestContentType,
        schema: SchemaRef,
        spec: PartitionSpec,
    ) -> Result<ManifestWriter> {
        let name = format!("{}-m{}.avro", self.commit_id, self.written.len());
        let location = self.new_location(&name);
        let output = self.file_io.new_output(location)?;
        let builder = ManifestWriterBuilder::new(output, Some(self.snapshot_id), schema, spec);
        Ok(match content {
            ManifestContentType::Data => builder.build_v2_data(),
            ManifestContentType::Deletes => builder.build_v2_deletes(),
        })
    }

    /// Writes the manifest list and asks for the snapshot to become the head of `main`.
    async fn change(mut self, manifests: Vec<ManifestFile>, summary: Summary) -> Result<TableChange> {
        let parent = self.metadata.current_snapshot_id();
        let sequence_number = self.metadata.next_sequence_number();
        let location = self.new_location(&format!("snap-{}-0-{}.avro", self.snapshot_id, self.commit_id));
        let output = self.file_io.new_output(&location)?.writer().await?;
        let mut list = ManifestListWriter::v2(output, self.snapshot_id, parent, sequence_number);
        list.add_manifests(manifests.into_iter())?;
        list.close().await?;

        let snapshot = Snapshot::builder()
            .with_snapshot_id(self.snapshot_id)
            .with_parent_snapshot_id(parent)
            .with_sequence_number(sequence_number)
            .with_timestamp_ms(next_timestamp_ms(self.metadata))
            .with_manifest_list(location)
            .with_summary(summary)
            .with_schema_id(self.metadata.current_schema_id())
            .build();
        let retention = SnapshotRetention::branch(None, None, None);
        Ok(TableChange {
            requirements: vec![
                TableRequirement::UuidMatch { uuid: self.metadata.uuid() },
                TableRequirement::RefSnapshotIdMatch { r#ref: MAIN_BRANCH.to_owned(), snapshot_id: parent },
            ],
            updates: vec![
                TableUpdate::AddSnapshot { snapshot },
                TableUpdate::SetSnapshotRef {
                    ref_name: MAIN_BRANCH.to_owned(),
                    reference: SnapshotReference::new(self.snapshot_id, retention),
                },
            ],
            snapshot_id: self.snapshot_id,
            written: self.written,
        })
    }

    fn new_location(&mut self, name: &str) -> String {
        let location = format!("{}/metadata/{name}", self.metadata.location());
        self.written.push(location.clone());
        location
    }
}

/// A random id, as the specification asks for, that no snapshot of the table has.
fn new_snapshot_id(metadata: &TableMetadata) -> i64 {
    loop {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        let id = i64::try_from((high ^ low) >> 1).unwrap_or(i64::MAX);
        if metadata.snapshot_by_id(id).is_none() {
            return id;
        }
    }
}

/// Now, or the time of the last update if the clock has gone back since: a table's history runs forward.
fn next_timestamp_ms(metadata: &TableMetadata) -> i64 {
    jiff::Timestamp::now().as_millisecond().max(metadata.last_updated_ms())
}
