//! Metadata: a JSON object that is kept as its text.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use wire::metadata::RawObject;

/// What a user attaches to an item: a JSON object. Kept as text, because most of it is only ever handed back.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Empty for `{}`.
    text: Box<str>,
}

impl Metadata {
    /// The object as compact text.
    pub fn from_map(map: &Map<String, Value>) -> Self {
        if map.is_empty() {
            return Self::default();
        }
        // A map from strings to JSON values always has a JSON form.
        Self { text: serde_json::to_string(map).unwrap_or_default().into() }
    }

    /// The object. It takes as long as parsing does.
    pub fn parse(&self) -> Map<String, Value> {
        parse(&self.text)
    }

    /// The object as JSON text.
    pub fn as_str(&self) -> &str {
        if self.text.is_empty() { "{}" } else { &self.text }
    }

    /// Inverse of [`Metadata::stored`].
    pub(crate) fn from_stored(text: &str) -> Self {
        Self { text: text.into() }
    }

    /// The form on disk: `{}` takes no bytes.
    pub(crate) fn stored(&self) -> &str {
        &self.text
    }
}

impl Serialize for Metadata {
    /// As the text that it is.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: &RawValue = serde_json::from_str(self.as_str()).map_err(S::Error::custom)?;
        text.serialize(serializer)
    }
}

impl From<Metadata> for RawObject {
    fn from(metadata: Metadata) -> Self {
        // Only texts of objects are ever stored.
        serde_json::from_str(metadata.as_str()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The object in a stored text. Only texts of objects are ever stored, under a checksum.
pub(crate) fn parse(stored: &str) -> Map<String, Value> {
    if stored.is_empty() { Map::new() } else { serde_json::from_str(stored).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn object_comes_back_from_its_text_and_the_empty_one_takes_no_bytes() {
        let map = json!({"state": "TX", "years": 5, "skills": ["osha", null], "rate": 21.5});
        let metadata = Metadata::from_map(map.as_object().unwrap());
        assert_eq!(Value::Object(metadata.parse()), map);
        assert_eq!(Metadata::from_stored(metadata.stored()), metadata);
        let nothing = Metadata::from_map(&Map::new());
        assert_eq!((nothing.stored(), nothing.as_str(), nothing.parse().len()), ("", "{}", 0));
    }
}
