//! The query part of a URL.

use std::fmt::Write as _;

use crate::segment;

/// `path` with those parameters that have a value, percent-encoded.
pub(crate) fn with_query<const N: usize>(path: &str, parameters: [(&str, Option<String>); N]) -> String {
    let mut url = path.to_owned();
    let present = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
    for (i, (name, value)) in present.enumerate() {
        let separator = if i == 0 { '?' } else { '&' };
        // Writing to a string cannot fail.
        let _ = write!(url, "{separator}{name}={}", segment(&value));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::with_query;

    #[test]
    fn absent_parameters_are_left_out_and_hostile_values_encoded() {
        let parameters = [("a", None), ("b", Some("x&y=z é".to_owned())), ("c", Some("1".to_owned()))];
        assert_eq!(with_query("/p", parameters), "/p?b=x%26y%3Dz%20%C3%A9&c=1");
        assert_eq!(with_query("/p", [("a", None)]), "/p");
    }
}
