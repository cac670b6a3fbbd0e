//! A JSON object whose values are handed on as the text they came in.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The members of a JSON object, in their order, repeated ones too.
#[derive(Debug)]
pub(crate) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The same under other names, without those for which there is none.
    pub(crate) fn renamed<'a>(self, name_of: impl Fn(&str) -> Option<&'a str>) -> Self {
        let members = self.0.into_iter();
        Self(members.filter_map(|(name, value)| Some((name_of(&name)?.to_owned(), value))).collect())
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = object.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text_and_repeated_members_are_not_hidden() {
        let text = r#"{"b": [1.0, 2e0],"a":"\u00e9","b":{ }}"#;
        let members: Members = serde_json::from_str(text).unwrap();
        let renamed = members.renamed(|name| (name == "b").then_some("c"));
        assert_eq!(serde_json::to_string(&renamed).unwrap(), r#"{"c":[1.0, 2e0],"c":{ }}"#);
    }

    #[test]
    fn only_objects_are_read() {
        for other in ["null", "7", "\"{}\"", "[]", "{", ""] {
            assert!(serde_json::from_str::<Members>(other).is_err(), "{other}");
        }
    }
}
