//! Conditions on rows, in the words of filters elsewhere in the lakehouse:
//! `{"state": "TX", "years": {"gte": 5}, "any": [{"role": "Welder"}, {"not": {"remote": false}}]}`.
//!
//! Keys are AND. A plain value is `eq`; the operators are `eq ne in nin gt gte lt lte exists`. `ne` and `nin` are the
//! negations of `eq` and `in`, so they also hold for a null; no order holds for one.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Datum, Float64Array, Int64Array, RecordBatch, Scalar, StringArray,
    UInt64Array,
};
use arrow::compute::kernels::cmp;
use arrow::compute::{
    CastOptions, and, cast_with_options, is_not_null, is_null, not, or, prep_null_mask_filter,
};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// A condition on rows.
#[derive(Debug, Clone)]
pub struct Predicate(Vec<Clause>);

#[derive(Debug, Clone)]
enum Clause {
    Column { name: String, tests: Vec<Test> },
    Any(Vec<Predicate>),
    Not(Predicate),
}

#[derive(Debug, Clone)]
enum Test {
    In { values: Vec<Value>, is_negated: bool },
    Order { holds: Comparison, operand: Value },
    Exists(bool),
}

type Comparison = fn(&dyn Datum, &dyn Datum) -> std::result::Result<BooleanArray, ArrowError>;

impl Predicate {
    /// Reads a condition from its JSON form.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the place and what was expected there.
    pub fn parse(json: &Value) -> Result<Self> {
        let clauses = object(json, "a condition")?.iter().map(|(key, value)| match key.as_str() {
            "any" => Ok(Clause::Any(list(value, "any")?.iter().map(Self::parse).collect::<Result<_>>()?)),
            "not" => Ok(Clause::Not(Self::parse(value)?)),
            name => Ok(Clause::Column { name: name.to_owned(), tests: tests(name, value)? }),
        });
        Ok(Self(clauses.collect::<Result<_>>()?))
    }

    /// Whether it holds for every row, because it asks nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The columns that it depends on.
    pub fn columns(&self) -> BTreeSet<&str> {
        self.0.iter().flat_map(Clause::columns).collect()
    }

    /// For which rows it holds; no value is null.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a column that the rows do not have, or a value that cannot be one of its values.
    pub fn mask(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        let mut mask = BooleanArray::from(vec![true; rows.num_rows()]);
        for clause in &self.0 {
            mask = and(&mask, &clause.mask(rows)?)?;
        }
        Ok(mask)
    }
}

impl Clause {
    fn columns(&self) -> BTreeSet<&str> {
        match self {
            Self::Column { name, .. } => BTreeSet::from([name.as_str()]),
            Self::Any(any) => any.iter().flat_map(Predicate::columns).collect(),
            Self::Not(inner) => inner.columns(),
        }
    }

    fn mask(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        match self {
            Self::Column { name, tests } => {
                let column = rows
                    .column_by_name(name)
                    .ok_or_else(|| Error::Invalid(format!("the table has no column {name:?}")))?;
                let mut mask = BooleanArray::from(vec![true; rows.num_rows()]);
                for test in tests {
                    mask = and(&mask, &test.mask(name, column)?)?;
                }
                Ok(mask)
            }
            Self::Any(any) => {
                let mut mask = BooleanArray::from(vec![false; rows.num_rows()]);
                for predicate in any {
                    mask = or(&mask, &predicate.mask(rows)?)?;
                }
                Ok(mask)
            }
            Self::Not(inner) => Ok(not(&inner.mask(rows)?)?),
        }
    }
}

impl Test {
    fn mask(&self, name: &str, column: &ArrayRef) -> Result<BooleanArray> {
        match self {
            Self::In { values, is_negated } => {
                let mut mask = BooleanArray::from(vec![false; column.len()]);
                for value in values {
                    let equal = match value {
                        Value::Null => is_null(column)?,
                        value => without_nulls(cmp::eq(column, &scalar(name, column.data_type(), value)?)?),
                    };
                    mask = or(&mask, &equal)?;
                }
                if *is_negated { Ok(not(&mask)?) } else { Ok(mask) }
            }
            Self::Order { holds, operand } => {
                Ok(without_nulls(holds(column, &scalar(name, column.data_type(), operand)?)?))
            }
            Self::Exists(true) => Ok(is_not_null(column)?),
            Self::Exists(false) => Ok(is_null(column)?),
        }
    }
}

/// A comparison with a null is unknown, and so does not hold.
fn without_nulls(mask: BooleanArray) -> BooleanArray {
    if mask.null_count() == 0 { mask } else { prep_null_mask_filter(&mask) }
}

/// A JSON value as one of a column, if it is exactly one: dates, times, decimals and large integers as their texts.
pub(crate) fn scalar(name: &str, data_type: &DataType, value: &Value) -> Result<Scalar<ArrayRef>> {
    let wrong = || {
        Error::Invalid(format!("column {name:?} is of type {data_type}: {value} cannot be one of its values"))
    };
    let given: ArrayRef = match (value, data_type) {
        (_, DataType::Struct(_) | DataType::List(_) | DataType::LargeList(_) | DataType::Map(..)) => {
            return Err(Error::Unsupported(format!(
                "conditions on column {name:?}, of type {data_type}, are not built"
            )));
        }
        (Value::Bool(value), DataType::Boolean) => Arc::new(BooleanArray::from(vec![*value])),
        (Value::Bool(_), _) | (_, DataType::Boolean) => return Err(wrong()),
        (Value::String(text), _) => Arc::new(StringArray::from(vec![text.as_str()])),
        (Value::Number(_), DataType::Utf8 | DataType::LargeUtf8) => return Err(wrong()),
        (Value::Number(number), _) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), ..) => Arc::new(Int64Array::from(vec![value])),
            (_, Some(value), _) => Arc::new(UInt64Array::from(vec![value])),
            (.., Some(value)) => Arc::new(Float64Array::from(vec![value])),
            _ => return Err(wrong()),
        },
        (Value::Null | Value::Array(_) | Value::Object(_), _) => return Err(wrong()),
    };
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let cast = cast_with_options(&given, data_type, &strict).map_err(|_| wrong())?;
    // A number that changed on the way is none of the column's: 1.5 is no integer. Texts have several spellings.
    let is_number = matches!(value, Value::Number(_));
    if is_number
        && !cast_with_options(&cast, given.data_type(), &strict)
            .is_ok_and(|back| back.as_ref() == given.as_ref())
    {
        return Err(wrong());
    }
    Ok(Scalar::new(cast))
}

fn tests(name: &str, value: &Value) -> Result<Vec<Test>> {
    let Value::Object(operators) = value else {
        return Ok(vec![Test::In { values: vec![value.clone()], is_negated: false }]);
    };
    let operators = operators.iter().map(|(operator, operand)| {
        let place = || format!("{name}.{operator}");
        let order = |holds: Comparison| match operand {
            Value::Number(_) | Value::String(_) => Ok(Test::Order { holds, operand: operand.clone() }),
            _ => Err(Error::Invalid(format!("{}: expected a number or a text", place()))),
        };
        match operator.as_str() {
            "eq" => Ok(Test::In { values: vec![operand.clone()], is_negated: false }),
            "ne" => Ok(Test::In { values: vec![operand.clone()], is_negated: true }),
            "in" => Ok(Test::In { values: list(operand, &place())?.clone(), is_negated: false }),
            "nin" => Ok(Test::In { values: list(operand, &place())?.clone(), is_negated: true }),
            "gt" => order(cmp::gt),
            "gte" => order(cmp::gt_eq),
            "lt" => order(cmp::lt),
            "lte" => order(cmp::lt_eq),
            "exists" => match operand {
                Value::Bool(exists) => Ok(Test::Exists(*exists)),
                _ => Err(Error::Invalid(format!("{}: expected true or false", place()))),
            },
            _ => Err(Error::Invalid(format!(
                "{name}: {operator:?} is no operator; there are eq, ne, in, nin, gt, gte, lt, lte and exists"
            ))),
        }
    });
    operators.collect()
}

fn object<'a>(json: &'a Value, place: &str) -> Result<&'a Map<String, Value>> {
    json.as_object().ok_or_else(|| Error::Invalid(format!("{place}: expected an object")))
}

fn list<'a>(json: &'a Value, place: &str) -> Result<&'a Vec<Value>> {
    json.as_array().ok_or_else(|| Error::Invalid(format!("{place}: expected a list")))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, Decimal128Array};
    use serde_json::json;

    use super::*;

    fn rows() -> RecordBatch {
        let price =
            Decimal128Array::from(vec![Some(150), None, Some(225)]).with_precision_and_scale(10, 2).unwrap();
        RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(vec![1, 2, (1 << 60) + 1])) as ArrayRef),
            ("name", Arc::new(StringArray::from(vec![Some("a"), None, Some("c")]))),
            ("price", Arc::new(price)),
            ("day", Arc::new(Date32Array::from(vec![0, 1, 2]))),
            ("remote", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        ])
        .unwrap()
    }

    fn holds(json: &Value) -> Vec<usize> {
        let mask = Predicate::parse(json).unwrap().mask(&rows()).unwrap();
        assert_eq!(mask.null_count(), 0, "{json}");
        (0..mask.len()).filter(|row| mask.value(*row)).collect()
    }

    #[test]
    fn each_operator_holds_where_it_should_and_nowhere_else() {
        for (json, expected) in [
            (json!({}), vec![0, 1, 2]),
            (json!({"id": 1}), vec![0]),
            (json!({"id": {"in": [1, "1152921504606846977"]}}), vec![0, 2]),
            (json!({"id": {"gt": 1, "lt": 3}}), vec![1]),
            (json!({"name": {"ne": "a"}}), vec![1, 2]),
            (json!({"name": {"nin": ["a", null]}}), vec![2]),
            (json!({"name": null}), vec![1]),
            (json!({"name": {"gte": "b"}}), vec![2]),
            (json!({"name": {"exists": false}}), vec![1]),
            (json!({"price": {"gte": "1.5"}}), vec![0, 2]),
            (json!({"price": 2.25}), vec![2]),
            (json!({"day": {"lte": "1970-01-02"}}), vec![0, 1]),
            (json!({"remote": false}), vec![1]),
            (json!({"any": [{"id": 1}, {"not": {"remote": {"exists": true}}}]}), vec![0, 2]),
            (json!({"any": []}), vec![]),
            (json!({"id": 1, "name": "c"}), vec![]),
        ] {
            assert_eq!(holds(&json), expected, "{json}");
        }
    }

    #[test]
    fn value_that_is_none_of_the_columns_is_an_error_and_matches_nothing_by_accident() {
        for json in [
            json!({"id": 1.5}),
            json!({"id": "abc"}),
            json!({"id": true}),
            json!({"name": 1}),
            json!({"remote": "true"}),
            json!({"day": "yesterday"}),
            json!({"id": [1]}),
            json!({"none": 1}),
        ] {
            let failed = Predicate::parse(&json).unwrap().mask(&rows());
            assert!(matches!(failed, Err(Error::Invalid(_))), "{json}: {failed:?}");
        }
        for json in [
            json!([]),
            json!({"id": {"like": "x"}}),
            json!({"id": {"in": 1}}),
            json!({"any": {}}),
            json!({"id": {"gt": null}}),
        ] {
            assert!(matches!(Predicate::parse(&json), Err(Error::Invalid(_))), "{json}");
        }
    }

    #[test]
    fn columns_are_those_of_all_parts() {
        let json = json!({"a": 1, "any": [{"b": 1}, {"not": {"c": {"exists": true}}}]});
        assert_eq!(Predicate::parse(&json).unwrap().columns(), BTreeSet::from(["a", "b", "c"]));
    }
}
