//! Filters over metadata: `{"role":"Welder","years":{"gte":5},"any":[{"state":"TX"},{"not":{"remote":false}}]}`.
//!
//! Keys are AND. `any` holds a list of filters of which one must hold, `not` one that must not. A plain value is `eq`.
//! Under an array-valued key, an operator holds if it holds for one element; `ne` and `nin` are the negations of `eq`
//! and `in`, so they also hold where the key is absent. Numbers compare by value (`5` equals `5.0`), text by code
//! point (so ISO dates compare as dates); values of different types are unequal and without order.
//!
//! [`Filter::matches`] says what a filter means, by looking at one item's metadata. [`FilterIndex`] answers the same for
//! all items at once, without looking at any.

mod column;
mod evaluate;
mod index;
mod mask;
mod number;
#[cfg(test)]
mod oracle;
mod parse;
mod slots;
mod term;
mod terms;

use std::cmp::Ordering;

use serde_json::Value;

use number::Number;

pub(crate) use index::FilterIndex;
pub use parse::FilterError;

/// Metadata, taken apart.
type Object = serde_json::Map<String, Value>;

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

impl Filter {
    /// Reads a filter from its JSON form.
    ///
    /// # Errors
    /// Names the place in the filter and what was expected there.
    pub fn parse(json: &Value) -> Result<Self, FilterError> {
        parse::filter(json)
    }

    /// Whether it holds for `metadata`.
    pub fn matches(&self, metadata: &Object) -> bool {
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
        (Value::Number(a), Value::Number(b)) => Some(Number::of(a)?.compare(Number::of(b)?)),
        _ => None,
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
}
