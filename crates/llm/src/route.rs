//! Which providers may serve a model, in which order.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// One route: an entry of `[[chatd.routes]]`. The first one whose patterns match the model of a request counts.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// The models that it is for; `*` stands for any text.
    pub models: Vec<String>,
    /// The providers to try, in this order: `NAME`, or `NAME:MODEL` where the model is called otherwise.
    pub providers: Vec<String>,
}

impl Route {
    /// Whether it is for `model`.
    pub(crate) fn is_for(&self, model: &str) -> bool {
        self.models.iter().any(|pattern| matches(pattern, model))
    }

    /// Its providers, each with what it calls `model`.
    pub(crate) fn targets<'a>(&'a self, model: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.providers.iter().map(move |target| target.split_once(':').unwrap_or((target.as_str(), model)))
    }

    /// Refuses a route that leads nowhere.
    pub(crate) fn check(&self, known: &[&str]) -> Result<()> {
        let wrong = |reason: String| Err(Error::Configuration(reason));
        if self.models.is_empty() || self.providers.is_empty() {
            return wrong("a route in [[chatd.routes]] needs `models` and `providers`".into());
        }
        match self.targets("").find(|(name, _)| !known.contains(name)) {
            Some((name, _)) => wrong(format!(
                "the route for {} names the provider {name:?}; known here: {}",
                self.models.join(", "),
                known.join(", ")
            )),
            None => Ok(()),
        }
    }
}

/// Whether `text` is `pattern`, in which `*` stands for any text. A star takes as little as it can, and more where what
/// follows it does not fit: what is needed for one star only, the last one, as all before it have found their place.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|start| text.strip_prefix(start)) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(place) = rest.find(piece) else { return false };
        rest = &rest[place + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_stands_for_any_text() {
        let cases = [
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5-mini", false),
            ("gpt-*", "gpt-5-mini", true),
            ("*", "", true),
            ("*-mini", "gpt-5-mini", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("aa*aa", "aaa", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn route_that_leads_nowhere_is_refused_by_name() {
        let route = Route { models: vec!["*".into()], providers: vec!["near".into(), "fra:m".into()] };
        let error = route.check(&["near", "far"]).unwrap_err().to_string();
        assert!(error.contains("\"fra\"") && error.contains("near, far"), "{error}");
        assert!(Route::default().check(&["near"]).is_err());
        assert!(route.check(&["near", "fra"]).is_ok());
    }
}
