//! What a manifest says of the values of one column of a file, as Arrow.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use iceberg::spec::{Datum, PrimitiveLiteral, PrimitiveType};

use crate::PlannedFile;

/// Of one column of one file. What the manifest does not say is `None`.
#[derive(Debug, Clone, Default)]
pub struct ColumnBounds {
    /// An array of one value that is no larger than any in the file. It need not be one of them: Iceberg allows bounds to be
    /// wide, and writers cut long texts.
    pub lower: Option<ArrayRef>,
    /// The same of one that is no smaller.
    pub upper: Option<ArrayRef>,
}

impl PlannedFile {
    /// Of the column that has this field id.
    pub fn bounds(&self, field_id: i32) -> ColumnBounds {
        let file = &self.data_file;
        ColumnBounds {
            lower: file.lower_bounds().get(&field_id).and_then(array),
            upper: file.upper_bounds().get(&field_id).and_then(array),
        }
    }
}

/// An array of the one value; none for a type whose order in Arrow is another (floats have a NaN that is not counted), or
/// that nobody compares.
fn array(bound: &Datum) -> Option<ArrayRef> {
    Some(match (bound.data_type(), bound.literal()) {
        (PrimitiveType::Boolean, PrimitiveLiteral::Boolean(value)) => {
            Arc::new(BooleanArray::from(vec![*value]))
        }
        (PrimitiveType::Int, PrimitiveLiteral::Int(value)) => Arc::new(Int32Array::from(vec![*value])),
        (PrimitiveType::Long, PrimitiveLiteral::Long(value)) => Arc::new(Int64Array::from(vec![*value])),
        (PrimitiveType::Date, PrimitiveLiteral::Int(value)) => Arc::new(Date32Array::from(vec![*value])),
        (PrimitiveType::Timestamp, PrimitiveLiteral::Long(value)) => {
            Arc::new(TimestampMicrosecondArray::from(vec![*value]))
        }
        (PrimitiveType::Timestamptz, PrimitiveLiteral::Long(value)) => {
            Arc::new(TimestampMicrosecondArray::from(vec![*value]).with_timezone("+00:00"))
        }
        (PrimitiveType::Decimal { precision, scale }, PrimitiveLiteral::Int128(value)) => {
            let (precision, scale) = (u8::try_from(*precision).ok()?, i8::try_from(*scale).ok()?);
            Arc::new(Decimal128Array::from(vec![*value]).with_precision_and_scale(precision, scale).ok()?)
        }
        (PrimitiveType::String, PrimitiveLiteral::String(value)) => {
            Arc::new(StringArray::from(vec![value.as_str()]))
        }
        _ => return None,
    })
}
