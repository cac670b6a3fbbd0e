//! Parquet: typed columns, converted to the table's types only where every value survives.

use std::fs::File;

use arrow::array::{ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::columns::{check_names, positions};
use super::fit::{Converted, rows_that_fit};
use super::parse::{self, Misfit};
use super::rejects::Rejects;
use super::{Batches, Limits, ReadError};

/// The columns and types of a new table that holds the rows of `body`.
///
/// # Errors
/// [`ReadError::Malformed`] when it is not Parquet, [`ReadError::Unfit`] when a column has a type that tables lack.
pub(crate) fn infer(body: File) -> Result<Schema, ReadError> {
    let reader = builder(body)?;
    let fields = reader.schema().fields().iter().map(|field| {
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

/// Reads `body` as rows of `table`.
///
/// # Errors
/// [`ReadError::Malformed`] when it is not Parquet, [`ReadError::Unfit`] when its columns are not the table's.
pub(crate) fn open(body: File, table: SchemaRef, limits: &Limits) -> Result<ParquetBatches, ReadError> {
    let builder = builder(body)?;
    let names = names(builder.schema());
    let mut sources = vec![None; table.fields().len()];
    for (source, position) in positions(&names, &table)?.into_iter().enumerate() {
        let (from, field) = (builder.schema().field(source).data_type(), table.field(position));
        if !is_convertible(from, field.data_type()) {
            let (name, to) = (field.name(), field.data_type());
            return Err(ReadError::unfit(format!(
                "column {name:?} is {from} in the body and {to} in the table"
            )));
        }
        sources[position] = Some(source);
    }
    let reader = builder.with_batch_size(limits.batch_rows).build().map_err(damaged)?;
    Ok(ParquetBatches { reader, sources, table, rows_before: 0 })
}

fn builder(body: File) -> Result<ParquetRecordBatchReaderBuilder<File>, ReadError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(body).map_err(damaged)?;
    check_names(&names(builder.schema()))?;
    Ok(builder)
}

fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|field| field.name().clone()).collect()
}

fn damaged(error: impl std::fmt::Display) -> ReadError {
    ReadError::malformed(format!("the body cannot be read as Parquet: {error}"))
}

/// Rows of a Parquet file as rows of a table.
pub(crate) struct ParquetBatches {
    reader: ParquetRecordBatchReader,
    /// For each column of the table, the column of the file that fills it.
    sources: Vec<Option<usize>>,
    table: SchemaRef,
    rows_before: u64,
}

impl Batches for ParquetBatches {
    fn next_batch(&mut self, rejects: &mut Rejects) -> Result<Option<RecordBatch>, ReadError> {
        let Some(batch) = self.reader.next().transpose().map_err(damaged)? else { return Ok(None) };
        let columns = self.sources.iter().zip(self.table.fields()).map(|(source, field)| match source {
            Some(source) => convert(batch.column(*source), field.data_type()),
            None => {
                let values = new_null_array(field.data_type(), batch.num_rows());
                Ok(Converted { original: None, values, misfits: Vec::new() })
            }
        });
        let columns = columns.collect::<Result<Vec<_>, ReadError>>()?;
        let first_row = self.rows_before + 1;
        self.rows_before += batch.num_rows() as u64;
        let line_of = |row: usize| first_row + row as u64;
        rows_that_fit(&self.table, columns, batch.num_rows(), line_of, rejects).map(Some)
    }
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

fn convert(array: &ArrayRef, to: &DataType) -> Result<Converted, ReadError> {
    let original = Some(array.clone());
    if array.data_type() == to {
        return Ok(Converted { original, values: array.clone(), misfits: Vec::new() });
    }
    let cast = |array: &ArrayRef, to: &DataType| {
        cast_with_options(array, to, &CastOptions { safe: true, ..CastOptions::default() }).map_err(damaged)
    };
    let mut misfits = Vec::new();
    if is_text(array.data_type()) {
        let texts = cast(array, &DataType::Utf8)?;
        let values = parse::column(texts.as_string::<i32>(), to, &mut misfits);
        return Ok(Converted { original: Some(texts), values, misfits });
    }
    let values = cast(array, to)?;
    if !is_always_exact(array.data_type(), to) {
        let back = cast(&values, array.data_type())?;
        let is_same = not_distinct(&back, array).map_err(damaged)?;
        let reason = "the column's type does not hold this value exactly";
        misfits
            .extend((0..is_same.len()).filter(|row| !is_same.value(*row)).map(|row| Misfit { row, reason }));
    }
    Ok(Converted { original, values, misfits })
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
