//! What the manifests say of a table's columns, for the optimizer: which side of a join is the smaller one, which files
//! hold nothing that a filter keeps.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::error::Result;
use lake::PlannedFile;

use crate::evolution::field_id;

/// Of one file, by the columns of the table, to skip it: DataFusion skips by bounds that are called exact. They are bounds
/// and no more, for Iceberg allows wide ones ([`lake::ColumnBounds`]); so null counts are left out, without which no column is
/// taken for a constant, and [`of_table`] calls the bounds estimates.
pub(crate) fn of_file(file: &PlannedFile, schema: &Schema) -> Statistics {
    let columns = schema.fields().iter().map(|field| of_column(file, field));
    Statistics {
        num_rows: usize::try_from(file.record_count).map_or(Precision::Absent, Precision::Exact),
        total_byte_size: Precision::Absent,
        column_statistics: columns.collect(),
    }
}

/// Of all files together, to plan with. Rows are counted exactly, as a snapshot with row-level deletes is refused by `lake`;
/// all else is an estimate, on which no result may depend.
///
/// # Errors
/// When they are of another schema.
pub(crate) fn of_table(files: &[Arc<Statistics>], schema: &Schema) -> Result<Statistics> {
    if files.is_empty() {
        return Ok(Statistics { num_rows: Precision::Exact(0), ..Statistics::new_unknown(schema) });
    }
    let mut all = Statistics::try_merge_iter(files.iter().map(Arc::as_ref), schema)?;
    for column in &mut all.column_statistics {
        column.min_value = column.min_value.clone().to_inexact();
        column.max_value = column.max_value.clone().to_inexact();
    }
    Ok(all)
}

fn of_column(file: &PlannedFile, field: &Field) -> ColumnStatistics {
    let unknown = ColumnStatistics::new_unknown();
    let Some(id) = field_id(field).and_then(|id| id.parse().ok()) else { return unknown };
    let bounds = file.bounds(id);
    let bound = |bound: Option<ArrayRef>| {
        let value = bound.and_then(|bound| scalar(&bound, field.data_type()));
        value.map_or(Precision::Absent, Precision::Exact)
    };
    ColumnStatistics { min_value: bound(bounds.lower), max_value: bound(bounds.upper), ..unknown }
}

/// The bound in the type that the column has now; it may have been widened since the file was written.
fn scalar(bound: &ArrayRef, data_type: &DataType) -> Option<ScalarValue> {
    ScalarValue::try_from_array(bound, 0).ok()?.cast_to(data_type).ok()
}
