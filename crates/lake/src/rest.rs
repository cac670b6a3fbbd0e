//! Bodies of the Iceberg REST catalogue that carry table metadata, for the catalogue and for those who call it.
//!
//! Iceberg REST OpenAPI, `CreateTableRequest`, `LoadTableResult`, `CommitTableRequest`, `CommitTableResponse`.

use std::collections::HashMap;

use iceberg::spec::{Schema, SortOrder, TableMetadata, UnboundPartitionSpec};
use iceberg::{TableIdent, TableRequirement, TableUpdate};
use serde::{Deserialize, Serialize};

/// `CreateTableRequest`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CreateTable {
    /// The table's name within its namespace.
    pub name: String,
    /// Where the table shall live; chosen by the catalogue if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The columns. Field ids are assigned anew by the catalogue.
    pub schema: Schema,
    /// How rows are split into partitions; not at all if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_spec: Option<UnboundPartitionSpec>,
    /// The order that writers are asked to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_order: Option<SortOrder>,
    /// Whether the table shall only be prepared, and created by a later commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_create: Option<bool>,
    /// Free properties.
    #[serde(default)]
    pub properties: HashMap<String, String>,
}

impl CreateTable {
    /// An unpartitioned table `name` of `schema`, at a location of the catalogue's choice.
    pub fn new(name: impl Into<String>, schema: Schema) -> Self {
        Self {
            name: name.into(),
            location: None,
            schema,
            partition_spec: None,
            write_order: None,
            stage_create: None,
            properties: HashMap::new(),
        }
    }
}

/// `LoadTableResult`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LoadedTable {
    /// Where the metadata are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_location: Option<String>,
    /// The table's metadata.
    pub metadata: TableMetadata,
    /// What the client needs to reach the files.
    #[serde(default)]
    pub config: HashMap<String, String>,
}

/// `CommitTableRequest`. Its sender's side is [`crate::TableChange`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CommitTable {
    /// Which table; the path names it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<TableIdent>,
    /// What must hold for the updates to be applied.
    pub requirements: Vec<TableRequirement>,
    /// What to change, in order.
    pub updates: Vec<TableUpdate>,
}

/// `CommitTableResponse`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CommittedTable {
    /// Where the new metadata are stored.
    pub metadata_location: String,
    /// The table's metadata after the commit.
    pub metadata: TableMetadata,
}

/// `CommitTransactionRequest`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CommitTransaction {
    /// One for each table, with its `identifier`.
    pub table_changes: Vec<CommitTable>,
}
