//! Puts converted columns together as rows of the table, without the rows that do not fit it.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use wire::ingest::Reject;

use super::ReadError;
use super::cells::Cells;
use super::parse::{self, Misfit};
use super::rejects::one_value;

/// A column as the table wants it.
pub(crate) struct Converted {
    /// With the table's type.
    pub values: ArrayRef,
    /// Values that the type does not hold.
    pub misfits: Vec<Misfit>,
}

impl Converted {
    /// A column that the body does not have.
    pub(crate) fn absent(table: &Schema, column: usize, rows: usize) -> Self {
        Self { values: new_null_array(table.field(column).data_type(), rows), misfits: Vec::new() }
    }
}

/// The rows of `columns` (one a field of `table`, all of `rows` values) that fit `table`; the others join those that are
/// `bad` already, each for its first misfit, in the order of their lines. `line_of` says where a row begins, `shown` how a
/// value was written.
///
/// # Errors
/// [`ReadError::Malformed`] if the columns do not go together.
pub(crate) fn rows_that_fit(
    table: &SchemaRef,
    columns: Vec<Converted>,
    rows: usize,
    line_of: impl Fn(usize) -> u64,
    shown: impl Fn(usize, usize) -> Option<String>,
    bad: &mut Vec<Reject>,
) -> Result<RecordBatch, ReadError> {
    let mut misfits: Vec<(usize, usize, &str)> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        misfits.extend(column.misfits.iter().map(|misfit| (misfit.row, index, misfit.reason)));
        if !table.field(index).is_nullable() && column.values.null_count() > 0 {
            let nulls = (0..rows).filter(|row| column.values.is_null(*row));
            misfits.extend(nulls.map(|row| (row, index, "is required, not null")));
        }
    }
    misfits.sort_by_key(|(row, index, _)| (*row, *index));
    misfits.dedup_by_key(|(row, ..)| *row);
    let mut is_fit = vec![true; rows];
    for (row, index, reason) in misfits {
        is_fit[row] = false;
        let value = shown(row, index);
        bad.push(one_value(line_of(row), table.field(index).name(), value.as_deref(), reason));
    }
    bad.sort_by_key(|reject| reject.line);
    let columns = columns.into_iter().map(|column| column.values).collect();
    select(table, columns, is_fit).map_err(|error| ReadError::malformed(error.to_string()))
}

fn select(table: &SchemaRef, columns: Vec<ArrayRef>, is_fit: Vec<bool>) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(is_fit.len()));
    if is_fit.iter().all(|fit| *fit) {
        return RecordBatch::try_new_with_options(table.clone(), columns, &options);
    }
    // Nulls of rejected rows may stand in required columns until the filter has run.
    let fields = table.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let lenient = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch = RecordBatch::try_new_with_options(lenient, columns, &options)?;
    let batch = filter_record_batch(&batch, &BooleanArray::from(is_fit))?;
    RecordBatch::try_new(table.clone(), batch.columns().to_vec())
}

/// Converts rows of text to a table's types.
pub(crate) struct TextFit {
    /// For each column of the table, the column of text that fills it.
    sources: Vec<Option<usize>>,
    table: SchemaRef,
}

impl TextFit {
    /// Text whose column `i` fills the table's column `positions[i]`.
    ///
    /// # Errors
    /// [`ReadError::Unfit`] when a column that the body fills has a type that text cannot fill.
    pub(crate) fn new(positions: &[usize], table: SchemaRef) -> Result<Self, ReadError> {
        let mut sources = vec![None; table.fields().len()];
        for (source, &position) in positions.iter().enumerate() {
            let field = table.field(position);
            if !parse::is_supported(field.data_type()) {
                let (name, data_type) = (field.name(), field.data_type());
                return Err(ReadError::unfit(format!(
                    "column {name:?} is {data_type}, which text cannot fill"
                )));
            }
            sources[position] = Some(source);
        }
        Ok(Self { sources, table })
    }

    /// The table.
    pub(crate) fn table(&self) -> &Schema {
        &self.table
    }

    /// The rows of `cells` that fit; the others join those that are `bad` already, in the order of their lines.
    ///
    /// # Errors
    /// Those of [`rows_that_fit`].
    pub(crate) fn batch(&self, cells: &Cells<'_>, bad: &mut Vec<Reject>) -> Result<RecordBatch, ReadError> {
        let columns = self.sources.iter().enumerate().map(|(index, source)| match source {
            None => Converted::absent(&self.table, index, cells.rows()),
            Some(source) => {
                let mut misfits = Vec::new();
                let data_type = self.table.field(index).data_type();
                let values = parse::column(cells.column(*source), data_type, &mut misfits);
                Converted { values, misfits }
            }
        });
        let shown = |row: usize, index: usize| cells.cell(row, self.sources[index]?).map(str::to_owned);
        let line_of = |row| cells.line(row);
        rows_that_fit(&self.table, columns.collect(), cells.rows(), line_of, shown, bad)
    }
}
