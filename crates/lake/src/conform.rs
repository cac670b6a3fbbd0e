//! Rows of any Arrow schema into the schema of a table.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{Field, SchemaRef};

use crate::{Error, Result};

/// Reorders and casts the columns of `batch` to `schema`, matching by name. A column that is absent becomes null.
///
/// # Errors
/// [`Error::Invalid`] for a column that the table does not have, a required one that is absent, or a null in a
/// required one, or a value that would change; [`Error::Arrow`] for one that the table's type cannot hold at all.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let surplus = batch.schema_ref().fields().iter().find(|field| schema.index_of(field.name()).is_err());
    if let Some(field) = surplus {
        return Err(Error::Invalid(format!("the table has no column {:?}", field.name())));
    }
    let columns = schema.fields().iter().map(|field| column(batch, field)).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

fn column(batch: &RecordBatch, field: &Field) -> Result<ArrayRef> {
    let Some(column) = batch.column_by_name(field.name()) else {
        if field.is_nullable() {
            return Ok(new_null_array(field.data_type(), batch.num_rows()));
        }
        return Err(Error::Invalid(format!("the required column {:?} is missing", field.name())));
    };
    if !field.is_nullable() && column.logical_null_count() > 0 {
        return Err(Error::Invalid(format!("the required column {:?} holds a null", field.name())));
    }
    if column.data_type() == field.data_type() {
        return Ok(Arc::clone(column));
    }
    cast_exactly(column, field)
}

/// Casts a column and back again, where there is a way back: arrow's own casts round and cut in silence, such as
/// nanoseconds to microseconds or `double` to `float`.
fn cast_exactly(column: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let (from, to) = (column.data_type(), field.data_type());
    let cast = cast_with_options(column, to, &strict)?;
    let is_same = |back: ArrayRef| back.as_ref() == column.as_ref();
    if can_cast_types(to, from) && !cast_with_options(&cast, from, &strict).is_ok_and(is_same) {
        let name = field.name();
        return Err(Error::Invalid(format!("column {name:?}: a value of {from} would change as {to}")));
    }
    Ok(cast)
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        AsArray, Date64Array, Float64Array, Int32Array, Int64Array, StringArray, TimestampNanosecondArray,
    };
    use arrow::datatypes::{DataType, Int64Type, Schema, TimeUnit};

    use super::*;

    fn table_schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("name", DataType::Utf8, true),
        ]))
    }

    fn batch(fields: Vec<Field>, columns: Vec<ArrayRef>) -> RecordBatch {
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    #[test]
    fn columns_match_by_name_and_absent_ones_are_null() {
        let rows = batch(
            vec![Field::new("id", DataType::Int32, true)],
            vec![Arc::new(Int32Array::from(vec![7, 8]))],
        );
        let conformed = conform(&rows, &table_schema()).unwrap();
        assert_eq!(conformed.schema(), table_schema());
        assert_eq!(conformed.column(0).as_primitive::<Int64Type>().values(), &[7, 8]);
        assert_eq!(conformed.column(1).null_count(), 2);
    }

    #[test]
    fn unknown_missing_and_null_columns_are_named() {
        let surplus = batch(
            vec![Field::new("id", DataType::Int64, true), Field::new("extra", DataType::Utf8, true)],
            vec![Arc::new(Int64Array::from(vec![1])), Arc::new(StringArray::from(vec!["x"]))],
        );
        let missing = batch(
            vec![Field::new("name", DataType::Utf8, true)],
            vec![Arc::new(StringArray::from(vec!["x"]))],
        );
        let null = batch(
            vec![Field::new("id", DataType::Int64, true)],
            vec![Arc::new(Int64Array::from(vec![None::<i64>]))],
        );
        for (rows, column) in [(surplus, "extra"), (missing, "id"), (null, "id")] {
            let error = conform(&rows, &table_schema()).unwrap_err();
            assert!(matches!(&error, Error::Invalid(text) if text.contains(column)), "{error}");
        }
    }

    #[test]
    fn value_that_would_change_is_an_error() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        for (to, column) in [
            (micros, Arc::new(TimestampNanosecondArray::from(vec![1])) as ArrayRef),
            (DataType::Float32, Arc::new(Float64Array::from(vec![0.1]))),
            (DataType::Float64, Arc::new(Int64Array::from(vec![i64::MAX - 1]))),
            (DataType::Date32, Arc::new(Date64Array::from(vec![1]))),
        ] {
            let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("x", to.clone(), true)]));
            let rows = batch(vec![Field::new("x", column.data_type().clone(), true)], vec![column]);
            let error = conform(&rows, &schema).unwrap_err();
            assert!(matches!(&error, Error::Invalid(text) if text.contains("would change")), "{to}: {error}");
        }
    }

    #[test]
    fn value_that_does_not_fit_is_an_error_and_never_null() {
        let narrow: SchemaRef = Arc::new(Schema::new(vec![Field::new("id", DataType::Int32, true)]));
        let rows = batch(
            vec![Field::new("id", DataType::Int64, true)],
            vec![Arc::new(Int64Array::from(vec![i64::MAX]))],
        );
        assert!(matches!(conform(&rows, &narrow), Err(Error::Arrow(_))));
    }
}
