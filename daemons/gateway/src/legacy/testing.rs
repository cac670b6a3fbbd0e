//! Holds the tables of fields to the types of the native routes.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::adapter::{Adapter, Field};

/// What `value` says, as another type.
pub(crate) fn object<T: DeserializeOwned>(value: &impl Serialize) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// The fields of `value`, those within others as the tables write them.
fn fields(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = vec![(String::new(), value)];
    while let Some((path, value)) = rest.pop() {
        match value {
            Value::Object(members) => rest.extend(members.iter().map(|(name, member)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                found.insert(path.clone());
                (path, member)
            })),
            Value::Array(items) => {
                rest.extend(
                    items.iter().filter(|item| item.is_object()).map(|item| (format!("{path}[]"), item)),
                );
            }
            _ => {}
        }
    }
    found
}

fn listed(table: &[Field], is_wanted: impl Fn(&Field) -> bool) -> BTreeSet<String> {
    table.iter().filter(|field| is_wanted(field)).map(|field| field.ours.to_owned()).collect()
}

/// The table of requests has the fields of `full`, a `T` with all of them, and requires those that a `T` does. `others` are
/// those of another shape that the route takes as well.
pub(crate) fn assert_request<T: DeserializeOwned>(adapter: &Adapter, full: &Value, others: &[&str]) {
    let mut names = fields(full);
    names.extend(others.iter().map(|&name| name.to_owned()));
    assert_eq!(listed(adapter.request, |_| true), names);
    for field in adapter.request {
        let mut without = full.clone();
        let is_there = without.as_object_mut().unwrap().remove(field.ours).is_some();
        let is_refused = serde_json::from_value::<T>(without).is_err();
        assert_eq!(field.is_required, is_there && is_refused, "{}", field.ours);
    }
}

/// The table of answers has the fields of `full`, and requires those of `least`. `within` are there in `least` for the sake of
/// what is inside them only.
pub(crate) fn assert_answer(adapter: &Adapter, full: &Value, least: &Value, within: &[&str]) {
    assert_eq!(listed(adapter.answer, |_| true), fields(full));
    let always = fields(least).into_iter().filter(|name| !within.contains(&name.as_str())).collect();
    assert_eq!(listed(adapter.answer, |field| field.is_required), always);
    for field in adapter.answer.iter().filter(|field| field.ours.contains(['.', '['])) {
        assert_eq!(field.legacy, Some(field.ours), "only what is outermost can have another name");
    }
}
