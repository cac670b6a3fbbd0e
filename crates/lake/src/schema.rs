//! Arrow schemas to Iceberg schemas and back.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit};
use iceberg::arrow::{arrow_schema_to_schema_auto_assign_ids, schema_to_arrow_schema};
use iceberg::spec::{Schema, TableMetadata};

use crate::{Error, Result};

/// The precision of a decimal that holds every `u64` (20 digits).
const U64_PRECISION: u8 = 20;

/// The Iceberg schema of a new table for rows of `schema`. Field ids are assigned in order, from 1.
///
/// Types that Iceberg v2 lacks become the next that can hold their values: small and unsigned integers `int`, `long` or
/// `decimal(20, 0)`, `Float16` `float`, `Date64` `date`, dictionaries their values; times and timestamps count
/// microseconds (a finer value is refused where rows are written: [`crate::conform`]).
///
/// # Errors
/// [`Error::Invalid`] names the column that has no Iceberg counterpart, or a name that occurs twice.
pub fn iceberg_schema(schema: &ArrowSchema) -> Result<Schema> {
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_data_type(storable(field.data_type())))
        .collect();
    arrow_schema_to_schema_auto_assign_ids(&ArrowSchema::new(fields))
        .map_err(|error| Error::Invalid(format!("no table can hold this schema: {}", error.message())))
}

/// The Arrow schema of the rows of a table, each field with its Iceberg id under `PARQUET:field_id`.
///
/// # Errors
/// [`Error::Iceberg`] if the table has a type that Arrow lacks.
pub fn arrow_schema(metadata: &TableMetadata) -> Result<SchemaRef> {
    Ok(Arc::new(schema_to_arrow_schema(metadata.current_schema())?))
}

/// The same as it was at a snapshot: columns that came later are not there, and renamed ones have their old names.
///
/// # Errors
/// As [`arrow_schema`]; [`Error::Invalid`] if there is no such snapshot.
pub fn arrow_schema_at(metadata: &TableMetadata, snapshot_id: i64) -> Result<SchemaRef> {
    let snapshot = metadata
        .snapshot_by_id(snapshot_id)
        .ok_or_else(|| Error::Invalid(format!("the table has no snapshot {snapshot_id}")))?;
    Ok(Arc::new(schema_to_arrow_schema(&*snapshot.schema(metadata)?)?))
}

/// The type that a table stores values of `data_type` as.
fn storable(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Decimal128(U64_PRECISION, 0),
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        DataType::Dictionary(_, values) => storable(values),
        DataType::List(item) => DataType::List(storable_field(item)),
        DataType::LargeList(item) => DataType::LargeList(storable_field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(storable_field).collect()),
        DataType::Null => DataType::Utf8,
        other => other.clone(),
    }
}

fn storable_field(field: &Arc<Field>) -> Arc<Field> {
    Arc::new(field.as_ref().clone().with_data_type(storable(field.data_type())))
}
