//! Puts converted columns together as rows of the table, without the rows that do not fit it.

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::parse::Misfit;
use super::rejects::{Rejects, one_value};
use super::{ReadError, parse};

/// A column as the table wants it.
pub(crate) struct Converted {
    /// As it came, to show rejected values; `None` for a column that the body does not have.
    pub original: Option<ArrayRef>,
    /// With the table's type.
    pub values: ArrayRef,
    /// Values that the type does not hold.
    pub misfits: Vec<Misfit>,
}

/// The rows of `columns` (one a field of `table`, all of `rows` values) that fit `table`; the others are rejected,
/// each for its first misfit. `line_of` says where a row begins.
///
/// # Errors
/// [`ReadError::Unfit`] when `rejects` has had enough.
pub(crate) fn rows_that_fit(
    table: &SchemaRef,
    columns: Vec<Converted>,
    rows: usize,
    line_of: impl Fn(usize) -> u64,
    rejects: &mut Rejects,
) -> Result<RecordBatch, ReadError> {
    let mut bad: Vec<(usize, usize, &str)> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        bad.extend(column.misfits.iter().map(|misfit| (misfit.row, index, misfit.reason)));
        if !table.field(index).is_nullable() && column.values.null_count() > 0 {
            let nulls = (0..rows).filter(|row| column.values.is_null(*row));
            bad.extend(nulls.map(|row| (row, index, "is required, not null")));
        }
    }
    bad.sort_by_key(|(row, index, _)| (*row, *index));
    bad.dedup_by_key(|(row, ..)| *row);
    let mut is_fit = vec![true; rows];
    for (row, index, reason) in bad {
        is_fit[row] = false;
        let value = columns[index].original.as_ref().and_then(|original| display(original, row));
        rejects.push(one_value(line_of(row), table.field(index).name(), value.as_deref(), reason))?;
    }
    let columns = columns.into_iter().map(|column| column.values).collect();
    select(table, columns, is_fit).map_err(|error| ReadError::malformed(error.to_string()))
}

fn select(table: &SchemaRef, columns: Vec<ArrayRef>, is_fit: Vec<bool>) -> Result<RecordBatch, ArrowError> {
    let all_fit = is_fit.iter().all(|fit| *fit);
    // Nulls of rejected rows may stand in required columns until the filter has run.
    let fields = table.fields().iter().map(|field| field.as_ref().clone().with_nullable(true));
    let lenient = std::sync::Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(is_fit.len()));
    let batch = RecordBatch::try_new_with_options(lenient, columns, &options)?;
    let batch = if all_fit { batch } else { filter_record_batch(&batch, &BooleanArray::from(is_fit))? };
    RecordBatch::try_new(table.clone(), batch.columns().to_vec())
}

fn display(original: &ArrayRef, row: usize) -> Option<String> {
    if let Some(text) = parse::text_at(original, row) {
        return Some(text.to_owned());
    }
    if original.is_null(row) {
        return None;
    }
    let formatter = ArrayFormatter::try_new(original, &FormatOptions::default()).ok()?;
    formatter.value(row).try_to_string().ok()
}
