//! Data files in the place of others: the same rows in fewer files, or the rows that stay.

use std::collections::{BTreeSet, HashMap};

use iceberg::spec::{Operation, TableMetadata};

use crate::maintenance::delete_files;
use crate::{DataFile, Result, TableChange, Warehouse, append, replace};

/// New files and those that they stand for; they are no part of the table yet. To commit the change, or to discard the
/// files, is up to the caller.
#[derive(Debug)]
pub struct Rewrite {
    operation: Operation,
    removed: BTreeSet<String>,
    /// The new files.
    pub added: Vec<DataFile>,
}

impl Rewrite {
    /// `added` in the place of the files at the locations `removed`.
    pub(crate) fn new(operation: Operation, removed: BTreeSet<String>, added: Vec<DataFile>) -> Self {
        Self { operation, removed, added }
    }

    /// What to ask the catalogue for, on top of `metadata`: a version of the table from which none of the files that were
    /// read has gone.
    ///
    /// # Errors
    /// Those of [`replace`].
    pub async fn change(&self, warehouse: &Warehouse, metadata: &TableMetadata) -> Result<TableChange> {
        self.change_joined_by(warehouse, metadata, &[], HashMap::new()).await
    }

    /// The same with the rows of the files `joining` beside, and properties for the snapshot's summary. Where nothing is
    /// removed it is an append.
    ///
    /// # Errors
    /// Those of [`replace`].
    pub async fn change_joined_by(
        &self,
        warehouse: &Warehouse,
        metadata: &TableMetadata,
        joining: &[DataFile],
        summary: HashMap<String, String>,
    ) -> Result<TableChange> {
        let added = [&self.added, joining].concat();
        if self.removed.is_empty() {
            return append(warehouse, metadata, added, summary).await;
        }
        replace(warehouse, metadata, self.operation.clone(), &self.removed, added, summary).await
    }

    /// Deletes the new files.
    pub async fn discard(self, warehouse: &Warehouse) {
        discard(warehouse, &self.added).await;
    }
}

/// Deletes files that were written for nothing.
pub(crate) async fn discard(warehouse: &Warehouse, files: &[DataFile]) {
    delete_files(warehouse, files.iter().map(|file| file.file_path().to_owned()).collect()).await;
}
