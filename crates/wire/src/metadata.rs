//! A JSON object that travels as the text it came in.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A JSON object kept as text: what hops hand on without looking inside. Order, spacing and repeated keys stay as given.
///
/// Reading one checks that it is an object and well-formed, but not what only shows when it is [parsed](Self::parse):
/// depth, range of numbers, escapes of half a character. Who stores one parses it first. serde hands texts on only
/// through its JSON reader itself: below a field that is `flatten`, or in an enum that is `untagged` or `tag`ged inside,
/// reading one fails.
#[derive(Clone, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(as = Metadata, value_type = Object)]
pub struct RawObject(Box<RawValue>);

impl RawObject {
    /// The text, from `{` to `}`.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.as_str().bytes().all(|byte| matches!(byte, b'{' | b'}' | b' ' | b'\t' | b'\r' | b'\n'))
    }

    /// Reads what the text says.
    ///
    /// # Errors
    /// When it is not what `T` asks for, and see [`RawObject`] for what an object of this type may hide.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(self.as_str())
    }

    /// The value of `key`. Each call reads the whole text: for several keys, [`parse`](Self::parse) once.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.parse::<Map<String, Value>>().ok()?.remove(key)
    }
}

impl From<Map<String, Value>> for RawObject {
    fn from(map: Map<String, Value>) -> Self {
        // A map of values always has a text.
        to_raw_value(&map).map(Self).unwrap_or_default()
    }
}

impl Default for RawObject {
    /// `{}`
    fn default() -> Self {
        Self(to_raw_value(&Map::new()).unwrap_or_default())
    }
}

impl PartialEq for RawObject {
    /// By text: `{"a":1}` and `{"a": 1}` differ.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for RawObject {}

impl fmt::Debug for RawObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get().starts_with('{') {
            Ok(Self(raw))
        } else {
            Err(D::Error::custom("expected a JSON object"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> serde_json::Result<RawObject> {
        serde_json::from_str(text)
    }

    #[test]
    fn object_is_handed_on_as_it_came() {
        let text = r#"{"b": 1e2,"a":[ ],"b":"\u00e9"}"#;
        let body = format!("[ {text} , {{ }}]");
        let objects: Vec<RawObject> = serde_json::from_str(&body).unwrap();
        assert_eq!(objects[0].as_str(), text);
        assert_eq!(serde_json::to_string(&objects).unwrap(), format!("[{text},{{ }}]"));
        assert_eq!(objects.iter().map(RawObject::is_empty).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn only_objects_are_read() {
        for other in ["null", "7", "\"{}\"", "[{}]", "true"] {
            assert!(read(other).unwrap_err().to_string().contains("expected a JSON object"), "{other}");
        }
        for broken in ["{", "{]", "{\"a\"}", "{\"a\":01}", "{\"a\":\"\n\"}"] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_only_parsing_finds_is_an_error_then() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for hidden in [deep.as_str(), r#"{"a":1e999}"#, r#"{"a":"\ud800"}"#] {
            assert!(read(hidden).unwrap().parse::<Value>().is_err(), "{hidden}");
        }
    }

    #[test]
    fn values_and_texts_convert_into_each_other() {
        let value = json!({"role": "Welder", "years": 5});
        let object: RawObject = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(object.parse::<Value>().unwrap(), value);
        assert_eq!(serde_json::to_value(&object).unwrap(), value);
        assert_eq!(RawObject::from(value.as_object().cloned().unwrap()), object);
        assert_eq!((object.get("years"), object.get("pay")), (Some(json!(5)), None));
        assert_eq!(RawObject::default().as_str(), "{}");
    }
}
