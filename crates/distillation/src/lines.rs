//! JSON, one object a line. Members stand in the order of the types' fields, however the JSON library was built.

use serde::Serialize;

pub(crate) fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

pub(crate) fn lines<T: Serialize>(values: &[T]) -> Result<Vec<String>, serde_json::Error> {
    values.iter().map(line).collect()
}

/// The content of a file: each line with its end.
pub(crate) fn content<S: AsRef<str>>(lines: &[S]) -> String {
    let mut content = String::new();
    for line in lines {
        content.push_str(line.as_ref());
        content.push('\n');
    }
    content
}
