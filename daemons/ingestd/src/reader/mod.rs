//! Bodies to batches of rows: CSV, TSV, NDJSON, JSON, Parquet.
//!
//! ```text
//! body -> pieces of whole rows, one after the other -> batches, several pieces at a time
//!         (delimited, json, parquet: `Pieces`)               (`PieceReader`: cells -> parse -> fit)
//! ```
//! The first rows choose the types of a new table ([`infer`]) and widen those of an existing one ([`widen`]); every value is
//! then read as it is written and converted strictly ([`parse`], [`parquet`]), so that it either survives exactly or rejects
//! its row with line, column and reason. Everything here is synchronous, reads from a spooled body and holds a few pieces of
//! it in memory, whatever its size.

mod cells;
mod columns;
mod delimited;
mod error;
mod fit;
mod infer;
mod json;
mod lines;
mod parquet;
mod parse;
mod records;
mod rejects;
mod source;
mod widen;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use wire::ingest::{IngestFormat, Reject};

pub(crate) use columns::unknown_column;
pub(crate) use error::ReadError;
pub(crate) use rejects::{PieceRejects, Rejects, in_words};
pub(crate) use widen::Widening;

/// What bounds the memory that reading takes.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Rows that choose the types of a new table.
    pub inference_rows: usize,
    /// The longest row, bytes.
    pub max_row_bytes: usize,
    /// Rows in one batch.
    pub batch_rows: usize,
    /// Bytes of text in one piece, unless a row is longer.
    pub piece_bytes: usize,
}

/// Whole rows of a body, which can be read without the others.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Rows of text.
    Text(Block),
    /// A row group of a Parquet body, behind so many rows.
    RowGroup { index: usize, rows_before: u64 },
    /// A row that is too long to be held.
    TooLong(Reject),
}

/// Rows of text, the last of which is complete.
#[derive(Debug)]
pub(crate) struct Block {
    /// The line of the body on which it begins, from 1.
    pub first_line: u64,
    /// The text as it came.
    pub bytes: Vec<u8>,
    /// Where its rows are, where the cutter knows them: JSON.
    pub rows: Vec<RowSpan>,
}

/// One row in a [`Block`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowSpan {
    /// The line of the body on which it begins.
    pub line: u64,
    /// First byte.
    pub start: usize,
    /// Behind the last.
    pub end: usize,
}

/// Cuts a body into pieces. This runs ahead of all reading, so it looks at no more than it must.
pub(crate) trait Pieces: Send {
    /// The next piece; none at the end of the body.
    ///
    /// # Errors
    /// Any [`ReadError`].
    fn next_piece(&mut self) -> Result<Option<Piece>, ReadError>;
}

/// Makes batches of a table's types from pieces, from several at the same time.
pub(crate) trait PieceReader: Send + Sync {
    /// Reads one piece, and passes its batches on until `take` wants no more.
    ///
    /// # Errors
    /// Any [`ReadError`].
    fn read(
        &self,
        piece: Piece,
        rejects: &mut PieceRejects<'_>,
        take: &mut dyn FnMut(RecordBatch) -> bool,
    ) -> Result<(), ReadError>;
}

/// A body as rows of a table.
pub(crate) struct Opened {
    /// Its pieces, in order.
    pub pieces: Box<dyn Pieces>,
    /// What reads them.
    pub rows: Arc<dyn PieceReader>,
}

/// Chooses the columns and types of a new table from `body`.
///
/// # Errors
/// [`ReadError::Malformed`] when the body is not of this format, [`ReadError::Unfit`] when no table can be made of it.
pub(crate) fn infer(body: File, format: IngestFormat, limits: &Limits) -> Result<Schema, ReadError> {
    match format {
        IngestFormat::Csv => delimited::infer(body, b',', limits),
        IngestFormat::Tsv => delimited::infer(body, b'\t', limits),
        IngestFormat::Ndjson => json::infer(json::lines(body, limits)?, limits),
        IngestFormat::Json => json::infer(json::elements(body, limits)?, limits),
        IngestFormat::Parquet => parquet::infer(body),
    }
}

/// The columns of `table` that would have to be wider for `body`, as far as Iceberg lets a column become wider.
///
/// # Errors
/// As [`infer`]; [`ReadError::Unfit`] also when the body's columns are not the table's.
pub(crate) fn widen(
    body: File,
    format: IngestFormat,
    table: &Schema,
    limits: &Limits,
) -> Result<Vec<Widening>, ReadError> {
    match format {
        IngestFormat::Csv => delimited::widen(body, b',', table, limits),
        IngestFormat::Tsv => delimited::widen(body, b'\t', table, limits),
        IngestFormat::Ndjson => json::widen(json::lines(body, limits)?, table, limits),
        IngestFormat::Json => json::widen(json::elements(body, limits)?, table, limits),
        IngestFormat::Parquet => parquet::widen(body, table),
    }
}

/// Reads `body` as rows of `table`.
///
/// # Errors
/// As [`widen`].
pub(crate) fn open(
    body: File,
    format: IngestFormat,
    table: SchemaRef,
    limits: &Limits,
) -> Result<Opened, ReadError> {
    match format {
        IngestFormat::Csv => delimited::open(body, b',', table, limits),
        IngestFormat::Tsv => delimited::open(body, b'\t', table, limits),
        IngestFormat::Ndjson => json::open(json::lines(body, limits)?, table, limits),
        IngestFormat::Json => json::open(json::elements(body, limits)?, table, limits),
        IngestFormat::Parquet => parquet::open(body, table, limits),
    }
}
