//! Whether two answers to a statement are alike.

use serde::Deserialize;
use serde_json::{Value, json};

/// Sums of floating-point numbers depend on the order of the rows that were added.
const TOLERANCE: f64 = 1e-9;

/// An answer.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// A column of it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Column {
    name: String,
    /// As Arrow or SQL calls it.
    #[serde(rename = "type")]
    data_type: String,
}

impl Column {
    fn is_text(&self) -> bool {
        self.data_type.starts_with("Utf8") || self.data_type.starts_with("LargeUtf8")
    }
}

/// What is different first, if anything is. The types of `right` say what is text, which is compared letter by letter.
pub(super) fn difference(left: &Table, right: &Table) -> Option<Value> {
    let names = |table: &Table| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
    if names(left) != names(right) {
        return Some(json!({ "columns": { "left": names(left), "right": names(right) } }));
    }
    if left.rows.len() != right.rows.len() {
        return Some(json!({ "row count": { "left": left.rows.len(), "right": right.rows.len() } }));
    }
    let is_same = |left: &[Value], right_row: &[Value]| {
        left.len() == right_row.len()
            && left.iter().zip(right_row).zip(&right.columns).all(|((a, b), column)| alike(a, b, column))
    };
    let at = left.rows.iter().zip(&right.rows).position(|(a, b)| !is_same(a, b))?;
    Some(json!({ "row": at, "left": left.rows[at], "right": right.rows[at] }))
}

fn alike(left: &Value, right: &Value, column: &Column) -> bool {
    if left == right {
        return true;
    }
    if column.is_text() {
        return false;
    }
    match (left, right) {
        // Exact numbers travel as text: 1.50 and 1.5 are one.
        (Value::String(left), Value::String(right)) => {
            is_decimal(left) && is_decimal(right) && shortest(left) == shortest(right)
        }
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => (left - right).abs() <= TOLERANCE * left.abs().max(right.abs()),
            _ => false,
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => is_decimal(text).then(|| text.parse().ok()).flatten(),
        _ => None,
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
}

/// A decimal without zeros that say nothing.
fn shortest(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(data_type: &str, values: &[Value]) -> Table {
        let columns = vec![Column { name: "x".into(), data_type: data_type.into() }];
        Table { columns, rows: values.iter().map(|value| vec![value.clone()]).collect() }
    }

    fn is_alike(data_type: &str, left: Value, right: Value) -> bool {
        difference(&table(data_type, &[left]), &table(data_type, &[right])).is_none()
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_texts_as_texts() {
        assert!(is_alike("Float64", json!(0.1 + 0.2), json!(0.3)) && is_alike("Int64", json!(7), json!(7)));
        assert!(
            is_alike("Decimal128(10, 2)", json!("1.50"), json!("1.5"))
                && is_alike("Int64", json!("12"), json!(12))
        );
        assert!(!is_alike("Float64", json!(0.3), json!(0.300001)));
        assert!(!is_alike("Decimal128(10, 2)", json!("1.50"), json!("1.05")));
        assert!(!is_alike("Decimal128(38, 0)", json!("90071992547409930"), json!("90071992547409931")));
        assert!(
            !is_alike("Utf8", json!("00123"), json!("123")) && !is_alike("Utf8", json!("123"), json!(123))
        );
        assert!(!is_alike("Date32", json!("2024-02-29"), json!("2024-03-01")));
    }

    #[test]
    fn null_is_like_nothing_but_null() {
        assert!(is_alike("Float64", Value::Null, Value::Null));
        for other in [json!(0), json!(""), json!(false)] {
            assert!(!is_alike("Float64", Value::Null, other));
        }
    }

    #[test]
    fn first_difference_is_shown() {
        let left = table("Int64", &[json!(1), json!(2), json!(3)]);
        let right = table("Int64", &[json!(1), json!(9), json!(8)]);
        assert_eq!(difference(&left, &right).unwrap(), json!({ "row": 1, "left": [2], "right": [9] }));
        let short = table("Int64", &[json!(1)]);
        assert_eq!(difference(&left, &short).unwrap(), json!({ "row count": { "left": 3, "right": 1 } }));
        let mut renamed = left.clone();
        renamed.columns[0].name = "y".into();
        assert!(difference(&left, &renamed).unwrap()["columns"].is_object());
    }
}
