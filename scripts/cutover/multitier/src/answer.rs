//! Answers of searches, read in place: texts are slices of what came over the wire. The types of `wire` own theirs, which
//! costs the generator an allocation for each text.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::connection::Answer;
use crate::failure::{Failure, Result};

/// [`wire::matrix::SearchResponse`].
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Found<'a> {
    #[serde(borrow)]
    pub(crate) results: Vec<Hit<'a>>,
    pub(crate) boosted: usize,
    pub(crate) injected: usize,
}

/// [`wire::matrix::Hit`].
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Hit<'a> {
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) corpus: Cow<'a, str>,
    pub(crate) distance: f32,
    pub(crate) base_distance: f32,
    pub(crate) boosted: bool,
    pub(crate) injected: bool,
    #[serde(borrow, default)]
    pub(crate) metadata: Option<&'a RawValue>,
}

/// What of a worker's metadata the scenarios look at.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Profile<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) area: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) shift: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) email: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) certifications: Option<Cow<'a, str>>,
}

impl Hit<'_> {
    /// The metadata as they came.
    pub(crate) fn metadata(&self) -> &str {
        self.metadata.map_or("{}", RawValue::get)
    }

    /// What the metadata say of the worker; nothing where they are something else.
    pub(crate) fn profile(&self) -> Profile<'_> {
        serde_json::from_str(self.metadata()).unwrap_or_default()
    }
}

/// Equal to the last bit, metadata included.
impl PartialEq for Hit<'_> {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |hit: &Self| (hit.distance, hit.base_distance, hit.boosted, hit.injected);
        self.id == other.id
            && self.corpus == other.corpus
            && numbers(self) == numbers(other)
            && self.metadata() == other.metadata()
    }
}

impl Answer {
    /// Reads the body of the answer to `call`.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self, call: &'static str) -> Result<T> {
        let body = self.body();
        serde_json::from_slice(body).map_err(|error| Failure::Malformed { call, detail: error.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::matrix;

    use super::*;

    #[test]
    fn answers_read_as_the_types_of_the_wire_do() {
        let metadata = json!({"name": "Zoë \"Z\" Ruiz", "role": "Welder"}).as_object().cloned().unwrap();
        let hit = matrix::Hit {
            id: "a\"1".into(),
            corpus: "workers".into(),
            distance: 0.123_456_7,
            base_distance: 0.246_913_4,
            boosted: true,
            injected: false,
            metadata: metadata.into(),
        };
        let response = matrix::SearchResponse {
            results: vec![hit.clone()],
            boosted: 1,
            injected: 0,
            took_ms: 0.5,
            explain: None,
        };
        let text = serde_json::to_string(&response).unwrap();
        let found: Found<'_> = serde_json::from_str(&text).unwrap();
        let read = &found.results[0];
        assert_eq!((found.boosted, found.injected, read.id.as_ref()), (1, 0, hit.id.as_str()));
        assert_eq!(
            (read.corpus.as_ref(), read.distance, read.base_distance),
            ("workers", hit.distance, hit.base_distance)
        );
        assert_eq!((read.boosted, read.injected, read.metadata()), (true, false, hit.metadata.as_str()));
        assert_eq!(read.profile().name.as_deref(), Some("Zoë \"Z\" Ruiz"));
        assert_eq!(read.profile().shift, None);
    }

    #[test]
    fn profile_of_something_else_is_empty() {
        let text = r#"{"id":"1","corpus":"c","distance":0,"base_distance":0,"boosted":false,"injected":false,
                       "metadata":{"name":7}}"#;
        assert_eq!(serde_json::from_str::<Hit<'_>>(text).unwrap().profile().name, None);
    }
}
