//! Template placeholders that nobody filled: `{name}`, `{{ worker.name }}`, `${pay_rate}`.

use std::ops::Range;

use wire::matrix::Violation;

use crate::violation::{capped, error};

/// The longest name that is taken for a placeholder's.
const MAX_NAME_BYTES: usize = 64;

/// Every unfilled placeholder in `text`, as violations `rule` of `field`.
pub fn check(rule: &str, field: &str, text: &str) -> Vec<Violation> {
    let message = "a placeholder of the template was not filled";
    let fix = "fill the placeholder, or take it out of the draft";
    capped(find(text).map(|span| error(rule, field, span, message, fix)))
}

/// Byte spans of placeholders, doubled braces and a leading `$` included.
fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(open) = text[at..].find('{').map(|offset| at + offset) {
            if let Some(end) = placeholder_at(text, open) {
                let start = if text[at..open].ends_with('$') { open - 1 } else { open };
                at = end;
                return Some(start..end);
            }
            at = open + 1;
        }
        None
    })
}

/// Where the placeholder that opens at byte `open` ends. Braces around anything but a name are ordinary text.
fn placeholder_at(text: &str, open: usize) -> Option<usize> {
    let depth = text[open..].bytes().take(2).take_while(|byte| *byte == b'{').count();
    let inner = &text[open + depth..];
    let close = inner.bytes().take(MAX_NAME_BYTES + 1).position(|byte| byte == b'}')?;
    let name = inner.get(..close)?.trim();
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ' '));
    let closing = inner[close..].bytes().take(depth).take_while(|byte| *byte == b'}').count();
    is_name.then_some(open + depth + close + closing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        find(text).map(|span| &text[span]).collect()
    }

    #[test]
    fn names_in_braces_are_placeholders() {
        assert_eq!(
            found("Hi {first_name}, {{ job.title }} pays ${pay-rate}."),
            ["{first_name}", "{{ job.title }}", "${pay-rate}"]
        );
        assert_eq!(found("é{Vorname}é"), ["{Vorname}"]);
    }

    #[test]
    fn other_braces_are_text() {
        for text in ["{}", "{ }", "{1}", "a {b", "b} c", "{a: 1}", "{{", "{\n}", ":-{ )"] {
            assert_eq!(found(text), [""; 0], "{text:?}");
        }
    }
}
