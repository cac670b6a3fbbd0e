//! Reads a filter from its JSON form.

use std::cmp::Ordering;

use serde_json::Value;
use thiserror::Error;

use super::{Clause, Filter, Test};

/// What is wrong with a filter, and what was expected.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("filter at {path}: {expected}")]
pub struct FilterError {
    /// Where in the filter, as in `any[0].years`.
    path: String,
    expected: String,
}

/// Deeper filters are refused: nobody writes them, and recursion must have a bound.
const MAX_DEPTH: usize = 16;

pub(super) fn filter(json: &Value) -> Result<Filter, FilterError> {
    parse_filter(json, "", 0)
}

fn error(path: &str, expected: impl Into<String>) -> FilterError {
    let path = if path.is_empty() { "the top" } else { path };
    FilterError { path: path.to_owned(), expected: expected.into() }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn parse_filter(json: &Value, path: &str, depth: usize) -> Result<Filter, FilterError> {
    if depth > MAX_DEPTH {
        return Err(error(path, format!("nested deeper than {MAX_DEPTH}")));
    }
    let Value::Object(entries) = json else {
        return Err(error(path, r#"expected an object, as in {"state":"TX","years":{"gte":5}}"#));
    };
    let clauses = entries.iter().map(|(key, value)| {
        let path = join(path, key);
        match key.as_str() {
            "any" => parse_any(value, &path, depth),
            "not" => Ok(Clause::Not(parse_filter(value, &path, depth + 1)?)),
            _ => Ok(Clause::Key(key.clone(), parse_tests(value, &path)?)),
        }
    });
    clauses.collect::<Result<_, _>>().map(Filter)
}

fn parse_any(json: &Value, path: &str, depth: usize) -> Result<Clause, FilterError> {
    match json {
        Value::Array(filters) if !filters.is_empty() => filters
            .iter()
            .enumerate()
            .map(|(i, filter)| parse_filter(filter, &format!("{path}[{i}]"), depth + 1))
            .collect::<Result<_, _>>()
            .map(Clause::Any),
        _ => Err(error(path, "expected a list of one or more filters")),
    }
}

fn parse_tests(json: &Value, path: &str) -> Result<Vec<Test>, FilterError> {
    match json {
        Value::Object(operators) if operators.is_empty() => {
            Err(error(path, "expected a value or an operator"))
        }
        Value::Object(operators) => operators
            .iter()
            .map(|(operator, operand)| parse_test(operator, operand, &join(path, operator)))
            .collect(),
        Value::Array(_) => Err(error(path, r#"to match one of several values, write {"in":[...]}"#)),
        value => Ok(vec![Test::In { values: vec![value.clone()], negated: false }]),
    }
}

fn parse_test(operator: &str, operand: &Value, path: &str) -> Result<Test, FilterError> {
    let ordered = |holds: fn(Ordering) -> bool| match operand {
        Value::Number(_) | Value::String(_) => Ok(Test::Order { operand: operand.clone(), holds }),
        _ => Err(error(path, "expected a number or a text")),
    };
    let equals = |negated| match operand {
        Value::Object(_) | Value::Array(_) => Err(error(path, "expected a single value")),
        value => Ok(Test::In { values: vec![value.clone()], negated }),
    };
    let listed = |negated| match operand {
        Value::Array(values) => Ok(Test::In { values: values.clone(), negated }),
        _ => Err(error(path, "expected a list of values")),
    };
    match operator {
        "eq" => equals(false),
        "ne" => equals(true),
        "in" => listed(false),
        "nin" => listed(true),
        "gt" => ordered(Ordering::is_gt),
        "gte" => ordered(Ordering::is_ge),
        "lt" => ordered(Ordering::is_lt),
        "lte" => ordered(Ordering::is_le),
        "exists" => match operand {
            Value::Bool(expected) => Ok(Test::Exists(*expected)),
            _ => Err(error(path, "expected true or false")),
        },
        _ => Err(error(path, "no such operator; there are eq ne in nin gt gte lt lte exists")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn malformed_filter_is_refused_with_its_place() {
        let mut deep = json!({"a": 1});
        for _ in 0..MAX_DEPTH + 1 {
            deep = json!({ "not": deep });
        }
        assert!(filter(&deep).is_err());
        for (malformed, place) in [
            (json!([]), "the top"),
            (json!("x"), "the top"),
            (json!({"a": {}}), "a"),
            (json!({"a": [1]}), "a"),
            (json!({"a": {"between": 1}}), "a.between"),
            (json!({"a": {"in": 1}}), "a.in"),
            (json!({"a": {"gt": [1]}}), "a.gt"),
            (json!({"a": {"eq": {"b": 1}}}), "a.eq"),
            (json!({"a": {"exists": 1}}), "a.exists"),
            (json!({"any": []}), "any"),
            (json!({"any": [{"a": 1}, {"b": {"lt": null}}]}), "any[1].b.lt"),
            (json!({"not": [1]}), "not"),
        ] {
            let problem = filter(&malformed).unwrap_err();
            assert_eq!(problem.path, place, "{malformed}: {problem}");
        }
    }
}
