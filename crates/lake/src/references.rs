//! Which files a table refers to, and so which it does not.

use std::collections::BTreeSet;

use iceberg::io::FileIO;
use iceberg::spec::{ManifestList, Snapshot, TableMetadata};

use crate::{Result, VersionedMetadata, Warehouse};

/// Locations of the files of a table, by how they are found: each kind names those of the kind before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// Data files, and files of row-level deletes.
    pub data: BTreeSet<String>,
    /// Manifests.
    pub manifests: BTreeSet<String>,
    /// Manifest lists, and files of statistics.
    pub snapshots: BTreeSet<String>,
    /// Metadata files: the current one and those in its log.
    pub metadata: BTreeSet<String>,
}

/// What to do about a file that is named and not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Fail,
    Skip,
}

impl References {
    /// Everything that `version` refers to.
    ///
    /// # Errors
    /// [`crate::Error::Iceberg`] if a manifest or a manifest list cannot be read.
    pub async fn of(warehouse: &Warehouse, version: &VersionedMetadata) -> Result<Self> {
        Self::of_version(warehouse, version, IfMissing::Fail).await
    }

    /// What is left of `version` while its files are being deleted in the order of [`References::locations`].
    ///
    /// # Errors
    /// As [`References::of`], except for files that are gone: so are those that they named.
    pub async fn left_of(warehouse: &Warehouse, version: &VersionedMetadata) -> Result<Self> {
        Self::of_version(warehouse, version, IfMissing::Skip).await
    }

    async fn of_version(
        warehouse: &Warehouse,
        version: &VersionedMetadata,
        if_missing: IfMissing,
    ) -> Result<Self> {
        let metadata = &version.metadata;
        let mut references = Self::of_snapshots(warehouse, metadata, |_| true, if_missing).await?;
        references.metadata.insert(version.location.clone());
        references.metadata.extend(metadata.metadata_log().iter().map(|log| log.metadata_file.clone()));
        Ok(references)
    }

    /// What those snapshots refer to that `is_asked_for` names by their ids.
    ///
    /// # Errors
    /// As [`References::of`].
    pub(crate) async fn of_snapshots(
        warehouse: &Warehouse,
        metadata: &TableMetadata,
        is_asked_for: impl Fn(i64) -> bool,
        if_missing: IfMissing,
    ) -> Result<Self> {
        let file_io = warehouse.file_io();
        let mut references = Self::default();
        for snapshot in metadata.snapshots().filter(|snapshot| is_asked_for(snapshot.snapshot_id())) {
            references.add_snapshot(&file_io, metadata, snapshot, if_missing).await?;
        }
        references.snapshots.extend(statistics(metadata, is_asked_for));
        Ok(references)
    }

    /// A manifest of several snapshots is read once. Of data files only those count that live in it: a deleted one is
    /// named for readers of changes, and belongs to the snapshot before.
    async fn add_snapshot(
        &mut self,
        file_io: &FileIO,
        metadata: &TableMetadata,
        snapshot: &Snapshot,
        if_missing: IfMissing,
    ) -> Result<()> {
        let location = snapshot.manifest_list();
        self.snapshots.insert(location.to_owned());
        if if_missing == IfMissing::Skip && !file_io.exists(location).await? {
            return Ok(());
        }
        let bytes = file_io.new_input(location)?.read().await?;
        let list = ManifestList::parse_with_version(&bytes, metadata.format_version())?;
        for manifest in list.entries() {
            let location = &manifest.manifest_path;
            if !self.manifests.insert(location.clone())
                || if_missing == IfMissing::Skip && !file_io.exists(location).await?
            {
                continue;
            }
            let (entries, _) = manifest.load_manifest(file_io).await?.into_parts();
            let live = entries.iter().filter(|entry| entry.is_alive());
            self.data.extend(live.map(|entry| entry.data_file().file_path().to_owned()));
        }
        Ok(())
    }

    /// What is not in `others`.
    #[must_use]
    pub(crate) fn without(self, others: &Self) -> Self {
        let minus = |a: BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect();
        Self {
            data: minus(self.data, &others.data),
            manifests: minus(self.manifests, &others.manifests),
            snapshots: minus(self.snapshots, &others.snapshots),
            metadata: minus(self.metadata, &others.metadata),
        }
    }

    /// All locations, those first that others name: whoever deletes in this order and is interrupted still knows what is
    /// left.
    pub fn locations(&self) -> impl Iterator<Item = &str> {
        let kinds = [&self.data, &self.manifests, &self.snapshots, &self.metadata];
        kinds.into_iter().flatten().map(String::as_str)
    }

    /// Those in `folder`, in the same order.
    pub fn locations_in(&self, folder: &str) -> impl Iterator<Item = &str> {
        let folder = format!("{}/", folder.trim_end_matches('/'));
        self.locations().filter(move |location| location.starts_with(&folder))
    }

    /// Whether a location is among them.
    pub fn contains(&self, location: &str) -> bool {
        [&self.data, &self.manifests, &self.snapshots, &self.metadata]
            .iter()
            .any(|kind| kind.contains(location))
    }
}

/// Files of statistics of the snapshots that `is_asked_for` names.
fn statistics(metadata: &TableMetadata, is_asked_for: impl Fn(i64) -> bool) -> Vec<String> {
    let of_columns = metadata.statistics_iter().map(|file| (file.snapshot_id, &file.statistics_path));
    let of_partitions =
        metadata.partition_statistics_iter().map(|file| (file.snapshot_id, &file.statistics_path));
    let asked_for = of_columns.chain(of_partitions).filter(|(snapshot_id, _)| is_asked_for(*snapshot_id));
    asked_for.map(|(_, path)| path.clone()).collect()
}
