//! Results as JSON, written straight from the columns: no tree of values in between.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Schema,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};
use query_engine::Rows;
use wire::sql::SqlColumn;

/// The largest integer that every JSON reader holds exactly: 2^53 - 1 (RFC 8259 section 6).
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The answer as [`wire::sql::SqlAnswer`] documents it.
///
/// # Errors
/// When a column has a type that cannot be shown.
pub(super) fn encode(rows: &Rows) -> Result<Vec<u8>, ArrowError> {
    let mut out = b"{\"columns\":".to_vec();
    write_json(&mut out, &columns(&rows.schema))?;
    out.extend(b",\"rows\":[");
    let mut is_first = true;
    for batch in &rows.batches {
        let columns = batch.columns().iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        let columns = columns.iter().map(Encoder::new).collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            out.extend(if is_first { "[" } else { ",[" }.bytes());
            is_first = false;
            separated(&mut out, &columns, |out, column| column.write(out, row))?;
            out.push(b']');
        }
    }
    out.extend(format!("],\"row_count\":{}}}", rows.len()).bytes());
    Ok(out)
}

/// A JSON object a line, with a member for each column; values as in [`encode`]. No rows: nothing.
///
/// # Errors
/// When a column has a type that cannot be shown, or two have one name.
pub(super) fn encode_lines(rows: &Rows) -> Result<Vec<u8>, ArrowError> {
    let mut names = std::collections::HashSet::new();
    if let Some(twice) = rows.schema.fields().iter().find(|field| !names.insert(field.name())) {
        let text = format!("two columns are called {:?}: name them apart with AS", twice.name());
        return Err(ArrowError::SchemaError(text));
    }
    let mut out = Vec::new();
    for batch in &rows.batches {
        let columns = batch.columns().iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        let columns = columns.iter().map(Encoder::new).collect::<Result<Vec<_>, _>>()?;
        let members: Vec<_> = rows.schema.fields().iter().zip(&columns).collect();
        for row in 0..batch.num_rows() {
            out.push(b'{');
            separated(&mut out, &members, |out, (field, column)| {
                write_json(out, field.name())?;
                out.push(b':');
                column.write(out, row)
            })?;
            out.extend(b"}\n");
        }
    }
    Ok(out)
}

fn columns(schema: &Schema) -> Vec<SqlColumn> {
    let column = |field: &arrow::datatypes::FieldRef| SqlColumn {
        name: field.name().clone(),
        data_type: field.data_type().to_string(),
    };
    schema.fields().iter().map(column).collect()
}

/// The same values without dictionary encoding.
fn plain(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values),
        _ => Ok(column.clone()),
    }
}

/// Writes the values of one column.
enum Encoder<'a> {
    Null,
    Boolean(&'a dyn Array),
    Integer(&'a dyn Array, fn(&dyn Array, usize) -> i128),
    Float(&'a dyn Array, fn(&dyn Array, usize) -> f64),
    Text(&'a dyn Array, fn(&dyn Array, usize) -> &str),
    Binary(&'a dyn Array, fn(&dyn Array, usize) -> &[u8]),
    /// Dates, times, decimals and the rest: their text.
    Formatted(&'a dyn Array, Box<ArrayFormatter<'a>>),
    List(&'a dyn Array, fn(&dyn Array, usize) -> ArrayRef),
    Struct(&'a dyn Array, Vec<(&'a str, Encoder<'a>)>),
}

macro_rules! integer {
    ($array:expr, $type:ty) => {
        Encoder::Integer($array, |array, row| array.as_primitive::<$type>().value(row).into())
    };
}

impl<'a> Encoder<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self, ArrowError> {
        let array: &'a dyn Array = array.as_ref();
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(array),
            DataType::Int8 => integer!(array, Int8Type),
            DataType::Int16 => integer!(array, Int16Type),
            DataType::Int32 => integer!(array, Int32Type),
            DataType::Int64 => integer!(array, Int64Type),
            DataType::UInt8 => integer!(array, UInt8Type),
            DataType::UInt16 => integer!(array, UInt16Type),
            DataType::UInt32 => integer!(array, UInt32Type),
            DataType::UInt64 => integer!(array, UInt64Type),
            DataType::Float16 => {
                Self::Float(array, |array, row| array.as_primitive::<Float16Type>().value(row).to_f64())
            }
            // By way of text, so that 0.1 stays 0.1 and does not become the double nearest to the nearest float.
            DataType::Float32 => Self::Float(array, |array, row| {
                array.as_primitive::<Float32Type>().value(row).to_string().parse().unwrap_or(f64::NAN)
            }),
            DataType::Float64 => {
                Self::Float(array, |array, row| array.as_primitive::<Float64Type>().value(row))
            }
            DataType::Utf8 => Self::Text(array, |array, row| array.as_string::<i32>().value(row)),
            DataType::LargeUtf8 => Self::Text(array, |array, row| array.as_string::<i64>().value(row)),
            DataType::Utf8View => Self::Text(array, |array, row| array.as_string_view().value(row)),
            DataType::Binary => Self::Binary(array, |array, row| array.as_binary::<i32>().value(row)),
            DataType::LargeBinary => Self::Binary(array, |array, row| array.as_binary::<i64>().value(row)),
            DataType::BinaryView => Self::Binary(array, |array, row| array.as_binary_view().value(row)),
            DataType::FixedSizeBinary(_) => {
                Self::Binary(array, |array, row| array.as_fixed_size_binary().value(row))
            }
            DataType::List(_) => Self::List(array, |array, row| array.as_list::<i32>().value(row)),
            DataType::LargeList(_) => Self::List(array, |array, row| array.as_list::<i64>().value(row)),
            DataType::FixedSizeList(..) => {
                Self::List(array, |array, row| array.as_fixed_size_list().value(row))
            }
            DataType::Struct(fields) => {
                let children = fields.iter().zip(array.as_struct().columns());
                let members = children.map(|(field, child)| Ok((field.name().as_str(), Self::new(child)?)));
                Self::Struct(array, members.collect::<Result<_, ArrowError>>()?)
            }
            _ => Self::Formatted(array, Box::new(ArrayFormatter::try_new(array, &FORMAT)?)),
        })
    }

    fn write(&self, out: &mut Vec<u8>, row: usize) -> Result<(), ArrowError> {
        if self.array().is_none_or(|array| array.is_null(row)) {
            out.extend(b"null");
            return Ok(());
        }
        match self {
            Self::Null => out.extend(b"null"),
            Self::Boolean(array) => write_json(out, &array.as_boolean().value(row))?,
            Self::Integer(array, value) => write_integer(out, value(*array, row)),
            // serde_json writes NaN and the infinities as null.
            Self::Float(array, value) => write_json(out, &value(*array, row))?,
            Self::Text(array, value) => write_json(out, value(*array, row))?,
            Self::Binary(array, value) => {
                out.push(b'"');
                out.extend(value(*array, row).iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
                out.push(b'"');
            }
            Self::Formatted(_, formatter) => write_json(out, &formatter.value(row).try_to_string()?)?,
            Self::List(array, value) => {
                let items = plain(&value(*array, row))?;
                let encoder = Encoder::new(&items)?;
                let rows: Vec<usize> = (0..items.len()).collect();
                out.push(b'[');
                separated(out, &rows, |out, row| encoder.write(out, *row))?;
                out.push(b']');
            }
            Self::Struct(_, members) => {
                out.push(b'{');
                separated(out, members, |out, (name, member)| {
                    write_json(out, name)?;
                    out.push(b':');
                    member.write(out, row)
                })?;
                out.push(b'}');
            }
        }
        Ok(())
    }

    /// The array whose nulls count; none for a column that has nothing else.
    fn array(&self) -> Option<&'a dyn Array> {
        match self {
            Self::Null => None,
            Self::Boolean(array)
            | Self::Integer(array, _)
            | Self::Float(array, _)
            | Self::Text(array, _)
            | Self::Binary(array, _)
            | Self::Formatted(array, _)
            | Self::List(array, _)
            | Self::Struct(array, _) => Some(*array),
        }
    }
}

const FORMAT: FormatOptions<'static> = FormatOptions::new().with_duration_format(DurationFormat::ISO8601);

fn write_integer(out: &mut Vec<u8>, value: i128) {
    let quote = if value.unsigned_abs() > u128::from(MAX_SAFE_INTEGER) { "\"" } else { "" };
    out.extend(format!("{quote}{value}{quote}").bytes());
}

fn separated<T>(
    out: &mut Vec<u8>,
    items: &[T],
    mut write: impl FnMut(&mut Vec<u8>, &T) -> Result<(), ArrowError>,
) -> Result<(), ArrowError> {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item)?;
    }
    Ok(())
}

fn write_json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), ArrowError> {
    serde_json::to_writer(out, value).map_err(|error| ArrowError::JsonError(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
        Int64Array, ListArray, NullArray, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
        UInt64Array,
    };
    use arrow::datatypes::{Field, Int32Type};
    use serde_json::{Value, json};

    use super::*;

    fn encoded(column: ArrayRef) -> Value {
        let batch = RecordBatch::try_from_iter([("c", column)]).unwrap();
        let rows = Rows { schema: batch.schema(), batches: vec![batch], snapshots: Vec::new() };
        let answer: Value = serde_json::from_slice(&encode(&rows).unwrap()).unwrap();
        let values = answer["rows"].as_array().unwrap().iter().map(|row| row[0].clone());
        Value::Array(values.collect())
    }

    #[test]
    fn integers_that_a_reader_could_round_are_strings() {
        let safe = i64::try_from(MAX_SAFE_INTEGER).unwrap();
        let array = Int64Array::from(vec![safe, safe + 1, -safe, -safe - 1, i64::MIN]);
        let expected = json!([safe, "9007199254740992", -safe, "-9007199254740992", "-9223372036854775808"]);
        assert_eq!(encoded(Arc::new(array)), expected);
        assert_eq!(encoded(Arc::new(UInt64Array::from(vec![u64::MAX]))), json!(["18446744073709551615"]));
    }

    #[test]
    fn values_that_json_does_not_have_are_null() {
        let array = Float64Array::from(vec![Some(1.5), Some(f64::NAN), Some(f64::INFINITY), None]);
        assert_eq!(encoded(Arc::new(array)), json!([1.5, null, null, null]));
        assert_eq!(encoded(Arc::new(NullArray::new(1))), json!([null]));
    }

    #[test]
    fn single_precision_shows_its_own_digits() {
        assert_eq!(encoded(Arc::new(Float32Array::from(vec![0.1, 22.5]))), json!([0.1, 22.5]));
    }

    #[test]
    fn decimals_dates_and_times_are_exact_text() {
        let decimals = Decimal128Array::from(vec![12_345, -5]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(encoded(Arc::new(decimals)), json!(["123.45", "-0.05"]));
        assert_eq!(encoded(Arc::new(Date32Array::from(vec![20_239]))), json!(["2025-05-31"]));
        let instants = TimestampMicrosecondArray::from(vec![1_500_000]);
        assert_eq!(encoded(Arc::new(instants.clone())), json!(["1970-01-01T00:00:01.500"]));
        assert_eq!(encoded(Arc::new(instants.with_timezone("+00:00"))), json!(["1970-01-01T00:00:01.500Z"]));
    }

    #[test]
    fn texts_are_escaped_and_binary_is_hex() {
        let hostile = "\"\\\n\u{0}é\u{2028}";
        assert_eq!(encoded(Arc::new(StringArray::from(vec![hostile]))), json!([hostile]));
        assert_eq!(encoded(Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..]]))), json!(["00ff"]));
        assert_eq!(encoded(Arc::new(BooleanArray::from(vec![true, false]))), json!([true, false]));
    }

    #[test]
    fn nested_and_dictionary_values_are_json_too() {
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None]), None]);
        assert_eq!(encoded(Arc::new(list)), json!([[1, null], null]));
        let dictionary: DictionaryArray<Int32Type> = vec![Some("a"), None].into_iter().collect();
        assert_eq!(encoded(Arc::new(dictionary)), json!(["a", null]));
        let field = Arc::new(Field::new("x", DataType::Int64, true));
        let members = StructArray::from(vec![(field, Arc::new(Int64Array::from(vec![7])) as ArrayRef)]);
        assert_eq!(encoded(Arc::new(members)), json!([{"x": 7}]));
    }

    #[test]
    fn empty_result_keeps_its_columns() {
        let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Decimal128(10, 2), true)]));
        let rows = Rows { schema, batches: Vec::new(), snapshots: Vec::new() };
        let answer: Value = serde_json::from_slice(&encode(&rows).unwrap()).unwrap();
        let expected =
            json!({"columns": [{"name": "id", "type": "Decimal128(10, 2)"}], "rows": [], "row_count": 0});
        assert_eq!(answer, expected);
    }
}
