//! Parquet: typed columns, converted to the table's types only where every value survives.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};
use wire::ingest::Reject;

use super::columns::{check_names, positions};
use super::fit::{Converted, rows_that_fit};
use super::parse::{self, Misfit};
use super::widen::{Widening, wider};
use super::{Limits, Opened, Piece, PieceReader, PieceRejects, Pieces, ReadError};

/// A column chunk may be compressed at any ratio up to this size, bytes.
const FREE_EXPANSION_BYTES: i64 = 64 << 20;
/// Beyond that, more than this is a bomb: pages are decompressed in memory.
const MAX_EXPANSION: i64 = 250;

/// The columns and types of a new table that holds the rows of `body`.
///
/// # Errors
/// [`ReadError::Malformed`] when it is not Parquet, [`ReadError::Unfit`] when a column has a type that tables lack.
pub(crate) fn infer(body: File) -> Result<Schema, ReadError> {
    let fields = footer(&Shared::new(body)?)?.schema().fields().clone();
    let fields = fields.iter().map(|field| {
        let data_type = table_type(field.data_type()).ok_or_else(|| {
            ReadError::unfit(format!(
                "column {:?} is {}, which tables cannot hold yet",
                field.name(),
                field.data_type()
            ))
        })?;
        Ok(Field::new(field.name(), data_type, true))
    });
    let fields = fields.collect::<Result<Vec<_>, ReadError>>()?;
    Ok(Schema::new(fields))
}

/// The columns of `table` that are too narrow for the types that `body` declares.
///
/// # Errors
/// As [`open`].
pub(crate) fn widen(body: File, table: &Schema) -> Result<Vec<Widening>, ReadError> {
    let footer = footer(&Shared::new(body)?)?;
    let positions = positions(&names(footer.schema()), table)?;
    let widenings = positions.into_iter().zip(footer.schema().fields()).filter_map(|(position, declared)| {
        let field = table.field(position);
        let to = wider(field.data_type(), declared.data_type())?;
        Some(Widening { column: field.name().clone(), from: field.data_type().clone(), to })
    });
    Ok(widenings.collect())
}

/// Reads `body` as rows of `table`.
///
/// # Errors
/// [`ReadError::Malformed`] when it is not Parquet, [`ReadError::Unfit`] when its columns are not the table's.
pub(crate) fn open(body: File, table: SchemaRef, limits: &Limits) -> Result<Opened, ReadError> {
    let body = Shared::new(body)?;
    let footer = footer(&body)?;
    let mut sources = vec![None; table.fields().len()];
    for (source, position) in positions(&names(footer.schema()), &table)?.into_iter().enumerate() {
        let (from, field) = (footer.schema().field(source).data_type(), table.field(position));
        if !is_convertible(from, field.data_type()) {
            let (name, to) = (field.name(), field.data_type());
            return Err(ReadError::unfit(format!(
                "column {name:?} is {from} in the body and {to} in the table"
            )));
        }
        sources[position] = Some(source);
    }
    let rows = footer.metadata().row_groups().iter().map(|group| group.num_rows().unsigned_abs()).collect();
    let batch_rows = limits.batch_rows;
    Ok(Opened {
        pieces: Box::new(RowGroups { rows, next: 0, rows_before: 0 }),
        rows: Arc::new(ParquetRows { body, footer, sources, table, batch_rows }),
    })
}

/// The footer of a file whose columns have names of their own and whose pages are no bombs.
fn footer(body: &Shared) -> Result<ArrowReaderMetadata, ReadError> {
    let footer = decoded(|| ArrowReaderMetadata::load(body, ArrowReaderOptions::new()))?;
    check_names(&names(footer.schema()))?;
    refuse_bomb(footer.metadata())?;
    Ok(footer)
}

fn refuse_bomb(metadata: &ParquetMetaData) -> Result<(), ReadError> {
    let mut chunks =
        metadata.row_groups().iter().flat_map(parquet::file::metadata::RowGroupMetaData::columns);
    let bomb = chunks.find(|chunk| {
        chunk.uncompressed_size() > FREE_EXPANSION_BYTES
            && chunk.uncompressed_size() / chunk.compressed_size().max(1) > MAX_EXPANSION
    });
    match bomb {
        Some(chunk) => Err(ReadError::malformed(format!(
            "column {:?} of the Parquet body expands more than {MAX_EXPANSION} times",
            chunk.column_path().string()
        ))),
        None => Ok(()),
    }
}

fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn damaged(error: impl std::fmt::Display) -> ReadError {
    ReadError::malformed(format!("the body cannot be read as Parquet: {error}"))
}

/// What the decoder says. A panic of it is the body's fault: it has been seen to panic on files that are damaged in places
/// that have no checksum.
fn decoded<T, E: std::fmt::Display>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, ReadError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(damaged),
        Err(_) => Err(ReadError::malformed("the Parquet body is damaged: its decoder gave up")),
    }
}

/// A file that several threads read at places of their own: `File` has one place for all.
#[derive(Clone)]
struct Shared {
    file: Arc<File>,
    len: u64,
}

impl Shared {
    fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self { file: Arc::new(file), len })
    }
}

impl Length for Shared {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Shared {
    type T = At;

    fn get_read(&self, start: u64) -> Result<At, ParquetError> {
        Ok(At { file: Arc::clone(&self.file), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // What the body says of itself may be anything.
        if start.checked_add(length as u64).is_none_or(|end| end > self.len) {
            return Err(ParquetError::EOF(format!("it ends before byte {start} and {length} more")));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Reads a [`Shared`] file from some place on.
struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The row groups of a file, one after the other.
struct RowGroups {
    rows: Vec<u64>,
    next: usize,
    rows_before: u64,
}

impl Pieces for RowGroups {
    fn next_piece(&mut self) -> Result<Option<Piece>, ReadError> {
        let Some(rows) = self.rows.get(self.next) else { return Ok(None) };
        let piece = Piece::RowGroup { index: self.next, rows_before: self.rows_before };
        self.next += 1;
        self.rows_before += rows;
        Ok(Some(piece))
    }
}

/// Reads row groups as rows of a table.
struct ParquetRows {
    body: Shared,
    footer: ArrowReaderMetadata,
    /// For each column of the table, the column of the file that fills it.
    sources: Vec<Option<usize>>,
    table: SchemaRef,
    batch_rows: usize,
}

impl PieceReader for ParquetRows {
    fn read(
        &self,
        piece: Piece,
        rejects: &mut PieceRejects<'_>,
        take: &mut dyn FnMut(RecordBatch) -> bool,
    ) -> Result<(), ReadError> {
        let Piece::RowGroup { index, mut rows_before } = piece else { return Ok(()) };
        let builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.body.clone(), self.footer.clone())
                .with_row_groups(vec![index])
                .with_batch_size(self.batch_rows);
        let mut reader = decoded(|| builder.build())?;
        while let Some(batch) = decoded(|| reader.next().transpose())? {
            let mut bad = Vec::new();
            let fit = self.fit(&batch, rows_before, &mut bad)?;
            rows_before += batch.num_rows() as u64;
            rejects.push(bad)?;
            if fit.num_rows() > 0 && !take(fit) {
                break;
            }
        }
        Ok(())
    }
}

impl ParquetRows {
    fn fit(
        &self,
        batch: &RecordBatch,
        rows_before: u64,
        bad: &mut Vec<Reject>,
    ) -> Result<RecordBatch, ReadError> {
        let mut originals = Vec::new();
        let mut columns = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            let (original, converted) = match source {
                Some(source) => convert(batch.column(*source), self.table.field(index).data_type())?,
                None => {
                    let absent = Converted::absent(&self.table, index, batch.num_rows());
                    (absent.values.clone(), absent)
                }
            };
            originals.push(original);
            columns.push(converted);
        }
        let line_of = |row: usize| rows_before + row as u64 + 1;
        let shown = |row: usize, index: usize| display(&originals[index], row);
        rows_that_fit(&self.table, columns, batch.num_rows(), line_of, shown, bad)
    }
}

fn display(original: &ArrayRef, row: usize) -> Option<String> {
    if original.is_null(row) {
        return None;
    }
    let formatter = ArrayFormatter::try_new(original, &FormatOptions::default()).ok()?;
    formatter.value(row).try_to_string().ok()
}

/// The type of table column that holds every value of `from`; none if there is none yet.
fn table_type(from: &DataType) -> Option<DataType> {
    Some(match from {
        DataType::Boolean => DataType::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt8 | DataType::UInt16 => {
            DataType::Int32
        }
        DataType::Int64 | DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Float16 | DataType::Float32 => DataType::Float32,
        DataType::Float64 => DataType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => DataType::Utf8,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::LargeBinary,
        DataType::FixedSizeBinary(bytes) => DataType::FixedSizeBinary(*bytes),
        DataType::Date32 | DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
            if *scale >= 0 =>
        {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Dictionary(_, values) => table_type(values)?,
        _ => return None,
    })
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Whether values of `from` can be values of `to`: then each is checked.
fn is_convertible(from: &DataType, to: &DataType) -> bool {
    use DataType::{Binary, BinaryView, Date32, Date64, LargeBinary, Null, Time32, Time64, Timestamp};
    let from = if let DataType::Dictionary(_, values) = from { values.as_ref() } else { from };
    if is_text(from) {
        return parse::is_supported(to);
    }
    match (from, to) {
        (Null, _) => true,
        _ if from == to || (from.is_numeric() && to.is_numeric()) => true,
        (Binary | LargeBinary | BinaryView, Binary | LargeBinary) => true,
        (Date32 | Date64, Date32) | (Time32(_) | Time64(_), Time64(_)) => true,
        // An offset is neither made up nor dropped.
        (Timestamp(_, from_zone), Timestamp(_, to_zone)) => from_zone.is_some() == to_zone.is_some(),
        (_, DataType::Utf8) => from.is_primitive() || *from == DataType::Boolean,
        _ => false,
    }
}

/// A column as it came, to show rejected values, and as the table wants it.
fn convert(array: &ArrayRef, to: &DataType) -> Result<(ArrayRef, Converted), ReadError> {
    if array.data_type() == to {
        return Ok((array.clone(), Converted { values: array.clone(), misfits: Vec::new() }));
    }
    let cast = |array: &ArrayRef, to: &DataType| {
        cast_with_options(array, to, &CastOptions { safe: true, ..CastOptions::default() }).map_err(damaged)
    };
    let mut misfits = Vec::new();
    if is_text(array.data_type()) {
        let texts = cast(array, &DataType::Utf8)?;
        let values = parse::column(texts.as_string::<i32>().iter(), to, &mut misfits);
        return Ok((texts, Converted { values, misfits }));
    }
    let values = cast(array, to)?;
    if !is_always_exact(array.data_type(), to) {
        let back = cast(&values, array.data_type())?;
        let is_same = not_distinct(&back, array).map_err(damaged)?;
        let reason = "the column's type does not hold this value exactly";
        misfits
            .extend((0..is_same.len()).filter(|row| !is_same.value(*row)).map(|row| Misfit { row, reason }));
    }
    Ok((array.clone(), Converted { values, misfits }))
}

/// Whether a cast keeps every value, so that comparing with the cast back is not needed.
fn is_always_exact(from: &DataType, to: &DataType) -> bool {
    *to == DataType::Utf8
        || matches!(from, DataType::Null)
        || Some(to) == table_type(from).as_ref() && !is_narrowed(from)
}

/// Whether [`table_type`] has less resolution than `from`: nanoseconds, and milliseconds of a date.
fn is_narrowed(from: &DataType) -> bool {
    match from {
        DataType::Date64
        | DataType::Time64(TimeUnit::Nanosecond)
        | DataType::Timestamp(TimeUnit::Nanosecond, _) => true,
        // Coarser units overflow when they are made finer.
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, _) => true,
        DataType::Dictionary(_, values) => is_narrowed(values),
        _ => false,
    }
}
