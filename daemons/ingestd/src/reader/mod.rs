//! Bodies to batches of rows: CSV, TSV, NDJSON, Parquet.
//!
//! The first rows choose the types of a new table ([`infer`]); every value is then read as it is written and converted
//! strictly ([`parse`], [`parquet`]), so that a value either survives exactly or rejects its row with line, column and
//! reason. Everything here is synchronous, reads from a spooled body and holds one batch in memory.

mod columns;
mod delimited;
mod error;
mod fit;
mod infer;
mod ndjson;
mod parquet;
mod parse;
mod records;
mod rejects;
mod text;

#[cfg(test)]
mod tests;

use std::fs::File;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use wire::ingest::IngestFormat;

pub(crate) use columns::unknown_column;
pub(crate) use error::ReadError;
pub(crate) use rejects::Rejects;

/// What bounds the memory that reading takes.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Rows that choose the types of a new table.
    pub inference_rows: usize,
    /// The longest row, bytes.
    pub max_row_bytes: usize,
    /// Rows in one batch.
    pub batch_rows: usize,
    /// Bytes of text after which a batch is closed before it has all its rows.
    pub batch_bytes: usize,
}

/// Batches of rows that fit a table.
pub(crate) trait Batches: Send {
    /// The next batch, maybe with no rows in it; none at the end of the body.
    ///
    /// # Errors
    /// Any [`ReadError`].
    fn next_batch(&mut self, rejects: &mut Rejects) -> Result<Option<RecordBatch>, ReadError>;
}

/// Chooses the columns and types of a new table from `body`.
///
/// # Errors
/// [`ReadError::Malformed`] when the body is not of this format, [`ReadError::Unfit`] when no table can be made of it.
pub(crate) fn infer(body: File, format: IngestFormat, limits: &Limits) -> Result<Schema, ReadError> {
    match format {
        IngestFormat::Csv => delimited::infer(body, b',', limits),
        IngestFormat::Tsv => delimited::infer(body, b'\t', limits),
        IngestFormat::Ndjson => ndjson::infer(body, limits),
        IngestFormat::Parquet => parquet::infer(body),
    }
}

/// Reads `body` as rows of `table`.
///
/// # Errors
/// As [`infer`]; [`ReadError::Unfit`] also when the body's columns are not the table's.
pub(crate) fn open(
    body: File,
    format: IngestFormat,
    table: SchemaRef,
    limits: &Limits,
) -> Result<Box<dyn Batches>, ReadError> {
    Ok(match format {
        IngestFormat::Csv => Box::new(delimited::open(body, b',', table, limits)?),
        IngestFormat::Tsv => Box::new(delimited::open(body, b'\t', table, limits)?),
        IngestFormat::Ndjson => Box::new(ndjson::open(body, table, limits)?),
        IngestFormat::Parquet => Box::new(parquet::open(body, table, limits)?),
    })
}
