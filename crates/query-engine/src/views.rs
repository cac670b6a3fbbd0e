//! Texts and binaries as views, inside the engine alone.
//!
//! A view ("German string") holds up to 12 bytes in place and the first 4 of longer ones: comparing, grouping and filtering
//! copy no text. Outside, where not every reader of Arrow knows views, columns have their plain types.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

/// The schema as Parquet is read: its own columns of texts and binaries are views.
pub(crate) fn read_as_views(schema: &Schema) -> SchemaRef {
    retyped(schema, |data_type| match data_type {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        other => other.clone(),
    })
}

/// The schema without views, in lists and structs neither.
pub(crate) fn plain(schema: &Schema) -> SchemaRef {
    retyped(schema, plain_type)
}

/// The rows in the schema that [`plain`] has made of theirs.
///
/// # Errors
/// When a column of texts has more than 2 GiB in one batch.
pub(crate) fn to_plain(batch: &RecordBatch, plain: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(plain.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        cast(column, field.data_type())
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(plain), columns, &options)
}

fn retyped(schema: &Schema, retype: impl Fn(&DataType) -> DataType) -> SchemaRef {
    let field = |field: &FieldRef| with_type(field, retype(field.data_type()));
    let fields: Vec<FieldRef> = schema.fields().iter().map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn plain_type(data_type: &DataType) -> DataType {
    let plain = |field: &FieldRef| with_type(field, plain_type(field.data_type()));
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) => DataType::List(plain(item)),
        DataType::LargeList(item) => DataType::LargeList(plain(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain).collect()),
        other => other.clone(),
    }
}

fn with_type(field: &FieldRef, data_type: DataType) -> FieldRef {
    if *field.data_type() == data_type {
        return Arc::clone(field);
    }
    Arc::new(Field::clone(field).with_data_type(data_type))
}
