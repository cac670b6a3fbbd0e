//! Filters over metadata: `{"role":"Welder","years":{"gte":5},"any":[{"state":"TX"},{"not":{"remote":false}}]}`.
//!
//! Keys are AND. `any` holds a list of filters of which one must hold, `not` one that must not. A plain value is `eq`.
//! Under an array-valued key, an operator holds if it holds for one element; `ne` and `nin` are the negations of `eq`
//! and `in`, so they also hold where the key is absent. Numbers compare by value (`5` equals `5.0`), text by code
//! point (so ISO dates compare as dates); values of different types are unequal and without order.

use std::cmp::Ordering;

use serde_json::Value;
use thiserror::Error;

/// Metadata, taken apart.
type Metadata = serde_json::Map<String, Value>;

/// What is wrong with a filter, and what was expected.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("filter at {path}: {expected}")]
pub struct FilterError {
    /// Where in the filter, as in `any[0].years`.
    path: String,
    expected: String,
}

/// A condition on metadata.
#[derive(Debug, Clone)]
pub struct Filter(Vec<Clause>);

#[derive(Debug, Clone)]
enum Clause {
    Key(String, Vec<Test>),
    Any(Vec<Filter>),
    Not(Filter),
}

#[derive(Debug, Clone)]
enum Test {
    In { values: Vec<Value>, negated: bool },
    Order { operand: Value, holds: fn(Ordering) -> bool },
    Exists(bool),
}

/// Deeper filters are refused: nobody writes them, and recursion must have a bound.
const MAX_DEPTH: usize = 16;

impl Filter {
    /// Reads a filter from its JSON form.
    ///
    /// # Errors
    /// Names the place in the filter and what was expected there.
    pub fn parse(json: &Value) -> Result<Self, FilterError> {
        parse_filter(json, "", 0)
    }

    /// Whether it holds for `metadata`.
    pub fn matches(&self, metadata: &Metadata) -> bool {
        self.0.iter().all(|clause| match clause {
            Clause::Key(key, tests) => tests.iter().all(|test| test.holds(metadata.get(key))),
            Clause::Any(filters) => filters.iter().any(|filter| filter.matches(metadata)),
            Clause::Not(filter) => !filter.matches(metadata),
        })
    }
}

impl Test {
    fn holds(&self, found: Option<&Value>) -> bool {
        match self {
            Self::Exists(expected) => found.is_some() == *expected,
            Self::In { values, negated } => {
                let is_in = found.is_some_and(|found| {
                    any_element(found, |element| values.iter().any(|value| equal(element, value)))
                });
                is_in != *negated
            }
            Self::Order { operand, holds } => found.is_some_and(|found| {
                any_element(found, |element| order(element, operand).is_some_and(holds))
            }),
        }
    }
}

/// `test` of the value itself or, for an array, of one of its elements.
fn any_element(found: &Value, test: impl Fn(&Value) -> bool) -> bool {
    match found {
        Value::Array(elements) => elements.iter().any(test),
        single => test(single),
    }
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => order(a, b) == Some(Ordering::Equal),
        _ => a == b,
    }
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        // Whole numbers exactly: ids above 2^53 differ, although their f64 forms may not.
        (Value::Number(x), Value::Number(y)) => match (x.as_i128(), y.as_i128()) {
            (Some(x), Some(y)) => Some(x.cmp(&y)),
            _ => x.as_f64()?.partial_cmp(&y.as_f64()?),
        },
        _ => None,
    }
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

    fn matches(filter: &Value) -> bool {
        let worker = json!({
            "role": "Forklift Operator", "years": 5, "rate": 21.5, "state": "TX", "remote": false,
            "skills": ["osha", "reach truck"], "since": "2021-03-01", "agency": null,
            "badge": 9_007_199_254_740_993_u64,
        });
        Filter::parse(filter).unwrap().matches(worker.as_object().unwrap())
    }

    #[test]
    fn each_operator_holds_where_it_should_and_nowhere_else() {
        for holds in [
            json!({}),
            json!({"role": "Forklift Operator", "years": {"gte": 5}, "state": {"in": ["TX", "OK"]}}),
            json!({"years": 5.0}),
            json!({"years": {"gt": 4, "lt": 5.5}}),
            json!({"rate": {"lte": 21.5}}),
            json!({"since": {"gte": "2021-01-01", "lt": "2022-01-01"}}),
            json!({"remote": false, "agency": null}),
            json!({"skills": "osha"}),
            json!({"skills": {"nin": ["welding"]}}),
            json!({"missing": {"ne": 1}}),
            json!({"missing": {"exists": false}, "agency": {"exists": true}}),
            json!({"any": [{"state": "OK"}, {"not": {"years": {"lt": 5}}}]}),
            json!({"badge": 9_007_199_254_740_993_u64}),
        ] {
            assert!(matches(&holds), "{holds}");
        }
        for fails in [
            json!({"role": "forklift operator"}),
            json!({"years": "5"}),
            json!({"years": {"gt": 5}}),
            json!({"years": {"gt": "4"}}),
            json!({"state": {"nin": ["TX"]}}),
            json!({"skills": {"ne": "osha"}}),
            json!({"missing": {"lt": 1}}),
            json!({"missing": null}),
            json!({"state": {"in": []}}),
            json!({"any": [{"state": "OK"}, {"years": 4}]}),
            json!({"not": {}}),
            json!({"badge": 9_007_199_254_740_992_u64}),
        ] {
            assert!(!matches(&fails), "{fails}");
        }
    }

    #[test]
    fn malformed_filter_is_refused_with_its_place() {
        let mut deep = json!({"a": 1});
        for _ in 0..MAX_DEPTH + 1 {
            deep = json!({ "not": deep });
        }
        assert!(Filter::parse(&deep).is_err());
        for (filter, place) in [
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
            let problem = Filter::parse(&filter).unwrap_err();
            assert_eq!(problem.path, place, "{filter}: {problem}");
        }
    }
}
