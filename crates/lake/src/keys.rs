//! Keys: values of a few columns that together name a row.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int32Array, Int64Array, RecordBatch,
    StringArray, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use arrow::compute::{cast, concat};
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use iceberg::spec::{Datum, PrimitiveLiteral, TableMetadata};
use serde_json::{Map, Value};

use crate::plan::PlannedFile;
use crate::predicate::scalar;
use crate::{Error, Result, Selection, arrow_schema};

/// Keys of rows, each once.
#[derive(Debug)]
pub struct Keys {
    columns: Vec<KeyColumn>,
    /// Encodes a whole key. Encodings are ordered as the keys are, first column first (`arrow::row`).
    converter: RowConverter,
    /// Encodes a value of the first column alone: what the encodings of keys with that value begin with.
    first: RowConverter,
    /// The position of each key in the order of insertion, by its encoding.
    positions: BTreeMap<Box<[u8]>, usize>,
}

#[derive(Debug)]
struct KeyColumn {
    name: String,
    data_type: DataType,
    field_id: i32,
}

impl Keys {
    /// No keys yet, of the columns `names` of the table that `metadata` describe.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there are no names, one occurs twice, is none of the table's columns, or cannot tell rows
    /// apart: Iceberg specification, "Identifier Field IDs", excludes nested, `float` and `double` fields.
    pub fn new(metadata: &TableMetadata, names: &[String]) -> Result<Self> {
        let schema = arrow_schema(metadata)?;
        if names.is_empty() {
            return Err(Error::Invalid("a key has at least one column".to_owned()));
        }
        let mut columns: Vec<KeyColumn> = Vec::with_capacity(names.len());
        for name in names {
            let (Ok(field), Some(id)) =
                (schema.field_with_name(name), metadata.current_schema().field_id_by_name(name))
            else {
                return Err(Error::Invalid(format!("the table has no column {name:?}")));
            };
            if columns.iter().any(|column| column.name == *name) {
                return Err(Error::Invalid(format!("the key names column {name:?} twice")));
            }
            let data_type = field.data_type().clone();
            if data_type.is_nested() || data_type.is_floating() {
                let text = format!("column {name:?}, of type {data_type}, cannot be part of a key");
                return Err(Error::Invalid(text));
            }
            columns.push(KeyColumn { name: name.clone(), data_type, field_id: id });
        }
        let fields = columns.iter().map(|column| SortField::new(column.data_type.clone()));
        let converter = RowConverter::new(fields.collect())?;
        let first = RowConverter::new(vec![SortField::new(columns[0].data_type.clone())])?;
        Ok(Self { columns, converter, first, positions: BTreeMap::new() })
    }

    /// Keys written as JSON objects, all with the same columns; values as conditions have them.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::Invalid`] for a key that lacks a column, has another one, or holds a value that the
    /// column cannot.
    pub fn parse(metadata: &TableMetadata, keys: &[Map<String, Value>]) -> Result<Self> {
        let names: Vec<String> = keys.first().into_iter().flat_map(Map::keys).cloned().collect();
        let mut parsed = Self::new(metadata, &names)?;
        let has_these =
            |key: &Map<_, _>| key.len() == names.len() && names.iter().all(|name| key.contains_key(name));
        if let Some(other) = keys.iter().find(|key| !has_these(key)) {
            let text = format!(
                "all keys have the same columns; {} differs from the first",
                Value::from(other.clone())
            );
            return Err(Error::Invalid(text));
        }
        let columns = parsed.columns.iter().map(|KeyColumn { name, data_type, .. }| {
            let values = keys.iter().map(|key| Ok(scalar(name, data_type, &key[name])?.into_inner()));
            let values = values.collect::<Result<Vec<ArrayRef>>>()?;
            Ok(concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>())?)
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        for (position, row) in parsed.converter.convert_columns(&columns)?.iter().enumerate() {
            parsed.positions.entry(row.data().into()).or_insert(position);
        }
        Ok(parsed)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Adds the keys of `rows`.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the first key that holds a null or is there already; some may have been added then.
    pub fn insert(&mut self, rows: &RecordBatch) -> Result<()> {
        let columns = self.values(rows)?;
        for (KeyColumn { name, .. }, values) in self.columns.iter().zip(&columns) {
            if values.logical_null_count() > 0 {
                return Err(Error::Invalid(format!("column {name:?} is part of the key and holds a null")));
            }
        }
        for (number, row) in self.converter.convert_columns(&columns)?.iter().enumerate() {
            let position = self.positions.len();
            if self.positions.insert(row.data().into(), position).is_some() {
                let key = self.in_words(&columns, number);
                return Err(Error::Invalid(format!("two rows have the key {key}")));
            }
        }
        Ok(())
    }

    /// Where the key of each of `rows` stands in the order of insertion, if it is among these.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the rows lack a column of the key.
    pub fn positions(&self, rows: &RecordBatch) -> Result<Vec<Option<usize>>> {
        let encoded = self.converter.convert_columns(&self.values(rows)?)?;
        Ok(encoded.iter().map(|row| self.positions.get(row.data()).copied()).collect())
    }

    /// The key columns of `rows`, with the types of the table.
    fn values(&self, rows: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let columns = self.columns.iter().map(|KeyColumn { name, data_type, .. }| {
            let values = rows
                .column_by_name(name)
                .ok_or_else(|| Error::Invalid(format!("the rows have no column {name:?}")))?;
            if values.data_type() == data_type {
                Ok(Arc::clone(values))
            } else {
                Ok(cast(values, data_type)?)
            }
        });
        columns.collect()
    }

    fn in_words(&self, values: &[ArrayRef], row: usize) -> String {
        let words = self.columns.iter().zip(values).map(|(column, values)| {
            let formatter = ArrayFormatter::try_new(values, &FormatOptions::default());
            let value = formatter.map(|formatter| formatter.value(row).to_string()).unwrap_or_default();
            format!("{}={value}", column.name)
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// The encoding of a bound of the first column; none if it cannot be compared.
    fn bound(&self, bounds: &std::collections::HashMap<i32, Datum>) -> Result<Option<Box<[u8]>>> {
        let KeyColumn { data_type, field_id, .. } = &self.columns[0];
        let Some(value) = bounds.get(field_id).and_then(|bound| value(bound.literal(), data_type)) else {
            return Ok(None);
        };
        Ok(Some(self.first.convert_columns(&[value])?.row(0).data().into()))
    }
}

impl Selection for Keys {
    fn columns(&self) -> BTreeSet<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    fn mask(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        let positions = self.positions(rows)?;
        Ok(positions.into_iter().map(|position| Some(position.is_some())).collect())
    }

    /// By the bounds of the key's first column.
    fn may_be_in(&self, file: &PlannedFile) -> Result<bool> {
        let lower = self.bound(file.data_file.lower_bounds())?;
        let from = lower.as_deref().map_or(Bound::Unbounded, Bound::Included);
        let Some((key, _)) = self.positions.range::<[u8], _>((from, Bound::Unbounded)).next() else {
            return Ok(false);
        };
        let upper = self.bound(file.data_file.upper_bounds())?;
        Ok(upper.is_none_or(|upper| **key <= *upper || key.starts_with(&upper)))
    }
}

/// A bound as a value of a column of type `data_type`, which may be wider than it was when the file was written; none
/// for a type whose bounds are not compared.
fn value(literal: &PrimitiveLiteral, data_type: &DataType) -> Option<ArrayRef> {
    use PrimitiveLiteral::{Int, Int128, Long, String};
    Some(match (literal, data_type) {
        (Int(value), DataType::Int32) => Arc::new(Int32Array::from(vec![*value])),
        (Int(value), DataType::Int64) => Arc::new(Int64Array::from(vec![i64::from(*value)])),
        (Long(value), DataType::Int64) => Arc::new(Int64Array::from(vec![*value])),
        (Int(value), DataType::Date32) => Arc::new(Date32Array::from(vec![*value])),
        (Long(value), DataType::Time64(_)) => Arc::new(Time64MicrosecondArray::from(vec![*value])),
        (Long(value), DataType::Timestamp(_, zone)) => {
            Arc::new(TimestampMicrosecondArray::from(vec![*value]).with_timezone_opt(zone.clone()))
        }
        (String(value), DataType::Utf8) => Arc::new(StringArray::from(vec![value.as_str()])),
        (Int128(value), DataType::Decimal128(precision, scale)) => {
            let value = Decimal128Array::from(vec![*value]).with_precision_and_scale(*precision, *scale);
            Arc::new(value.ok()?)
        }
        _ => return None,
    })
}
