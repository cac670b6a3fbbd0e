//! Iceberg v2 tables on object storage: schemas, data files, snapshots, metadata and the rules of a commit.
//!
//! This crate knows no HTTP and holds no catalogue state: it turns rows into durable files, files into a
//! [`TableChange`], and a change into the next version of a table's metadata. Which version is current is the
//! catalogue's word (`catalogd`), by one pointer per table.
//!
//! ```text
//! RecordBatch -> TableWriter -> DataFile* -> append | overwrite -> TableChange -> catalogue commit
//! TableMetadata -> data_files -> PlannedFile* -> the reader's engine, on Warehouse::store
//! ```
//!
//! Why a snapshot producer of our own: iceberg 0.10.1 has no overwrite action, its `TableCommit` cannot be built
//! outside of it, and its local storage writes metadata without a sync. See `DESIGN.md`, "Traps".

mod bounds;
mod conform;
mod deletion;
mod error;
mod keys;
pub mod maintenance;
mod metadata;
mod plan;
mod predicate;
mod promotion;
mod read;
mod references;
pub mod rest;
mod rewrite;
mod schema;
mod selection;
mod snapshot;
mod summary;
mod upsert;
mod warehouse;
mod writer;

pub use bounds::ColumnBounds;
pub use conform::conform;
pub use deletion::{DeletionPlan, delete_rows, plan_deletion};
pub use error::{Error, Result};
pub use iceberg::spec::{DataFile, Operation, Schema, TableMetadata};
pub use iceberg::{TableIdent, TableRequirement, TableUpdate};
pub use keys::Keys;
pub use metadata::{
    VersionedMetadata, commit, create, create_by_commit, delete_metadata, read_foreign_metadata,
    read_metadata, write_metadata,
};
pub use objects::{Outage, ProbeError};
pub use plan::{PlannedFile, data_files};
pub use predicate::Predicate;
pub use promotion::{PromotedColumn, Promotion};
pub use read::rows;
pub use references::References;
pub use rewrite::Rewrite;
pub use schema::{arrow_schema, arrow_schema_at, iceberg_schema};
pub use selection::Selection;
pub use snapshot::{TableChange, append, overwrite, replace};
pub use summary::total_records;
pub use upsert::{UpsertPlan, plan_upsert};
pub use warehouse::{BUCKET, Warehouse};
pub use writer::{DEFAULT_TARGET_FILE_BYTES, TableWriter};
