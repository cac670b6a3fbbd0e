//! One row as a JSON object whose values are not looked into.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::reader::columns::MAX_COLUMNS;

/// Nested values are kept as text; what is nested deeper than this is refused, as JSON readers commonly do.
const MAX_DEPTH: usize = 128;

/// An object's keys and values in the order in which they are written.
pub(super) struct Object<'a>(pub(super) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads the object that `text` is, or says why it is none that can be a row.
    pub(super) fn parse(text: &'a str) -> Result<Self, String> {
        let object: Self =
            serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))?;
        match object.repeated_key() {
            Some(key) => Err(format!("the key {key:?} occurs twice")),
            None => Ok(object),
        }
    }

    fn repeated_key(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(name), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    if entries.len() == MAX_COLUMNS {
                        return Err(A::Error::custom(format!("more than {MAX_COLUMNS} keys")));
                    }
                    entries.push((name, value));
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// A key, copied only if it holds escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The text of a value: a string's content, anything else as it is written; none for null.
pub(super) fn cell(raw: &RawValue) -> Result<Option<Cow<'_, str>>, &'static str> {
    match raw.get() {
        "null" => Ok(None),
        text if text.starts_with('"') => match serde_json::from_str::<Key<'_>>(text) {
            Ok(Key(text)) if text.contains('\0') => Err("contains a NUL character"),
            Ok(Key(text)) => Ok(Some(text)),
            Err(_) => Err("is not a valid JSON string"),
        },
        text if is_too_deep(text) => Err("is nested deeper than 128 levels"),
        text => Ok(Some(Cow::Borrowed(text))),
    }
}

/// Whether brackets are open beyond [`MAX_DEPTH`]; those within strings count too, where somebody wrote that many.
fn is_too_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

/// Whether a value is written as a string.
pub(super) fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}
