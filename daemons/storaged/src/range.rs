//! The `Range` header, RFC 9110 section 14.

use std::ops::Range;

/// What part of an object a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it: no range was asked for, or one that a server may ignore (section 14.2: an unknown unit, several
    /// ranges at once, or a text that is no range).
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that the object does not have: 416.
    Unsatisfiable,
}

/// Reads `header` against an object of `size` bytes.
pub(crate) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some((first, last)) =
        header.and_then(|text| text.trim().strip_prefix("bytes=")).and_then(|spec| spec.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let (first, last) = (position(first), position(last));
    let range = match (first, last) {
        (Some(Some(first)), Some(Some(last))) if first <= last => first..last.saturating_add(1).min(size),
        (Some(Some(first)), Some(None)) => first..size,
        // Satisfiable, says section 14.1.2, although there is no `Content-Range` for no bytes.
        (Some(None), Some(Some(1..))) if size == 0 => return Wanted::Whole,
        (Some(None), Some(Some(suffix))) => size.saturating_sub(suffix)..size,
        _ => return Wanted::Whole,
    };
    if range.is_empty() { Wanted::Unsatisfiable } else { Wanted::Part(range) }
}

/// `Some(None)` for an absent position, `None` for a text that is no position. A number beyond 64 bits lies beyond any
/// object, as does the largest of 64 bits.
fn position(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_the_specification_are_understood() {
        for (header, expected) in [
            ("bytes=0-499", Wanted::Part(0..500)),
            ("bytes=500-999", Wanted::Part(500..1000)),
            ("bytes=-500", Wanted::Part(500..1000)),
            ("bytes=900-", Wanted::Part(900..1000)),
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=0-99999999999999999999999", Wanted::Part(0..1000)),
            ("bytes=-5000", Wanted::Part(0..1000)),
            ("bytes=1000-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999999-", Wanted::Unsatisfiable),
        ] {
            assert_eq!(wanted(Some(header), 1000), expected, "{header}");
        }
    }

    #[test]
    fn what_is_no_single_range_is_ignored() {
        for header in
            ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "bytes=a-b", "rows=0-1"]
        {
            assert_eq!(wanted(Some(header), 1000), Wanted::Whole, "{header}");
        }
        assert_eq!(wanted(None, 1000), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-0"), 0), Wanted::Unsatisfiable);
        assert_eq!(wanted(Some("bytes=-5"), 0), Wanted::Whole);
    }
}
