//! Read-only SQL over lake tables.
//!
//! The only crate that knows DataFusion. It plans a statement over exactly the files of each table's current snapshot, or
//! of the one that the statement asks for (`FOR VERSION AS OF`), as the manifests list them: no directory is listed, and
//! a commit that lands meanwhile is not seen.
//!
//! ```text
//! SQL -> statement (one, read-only) -> tables (TableSource, lake::data_files) -> plan (+ parameters) -> rows, bounded
//! ```

mod engine;
mod error;
mod evolution;
mod optimizer;
mod scan;
mod statement;
mod statistics;
mod tables;
mod time_travel;
mod views;

pub use engine::{Engine, Limits, Parameter, Rows, tuned};
pub use error::{Error, Result};
pub use tables::{DEFAULT_NAMESPACE, SnapshotRead, TableName, TableSource};
