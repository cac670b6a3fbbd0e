//! Counts lines: those that end in LF, CRLF or a lone CR.

use memchr::memchr;

/// Line ends in `text`. A CR at its very end counts: cut behind a CRLF, not within.
pub(crate) fn count(text: &[u8]) -> u64 {
    let of = |byte: u8| text.iter().filter(|found| **found == byte).count() as u64;
    let feeds = of(b'\n');
    if memchr(b'\r', text).is_none() {
        return feeds;
    }
    let both = text.windows(2).filter(|pair| pair == b"\r\n").count() as u64;
    feeds + of(b'\r') - both
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lf_crlf_and_cr_count_once_each() {
        for (text, expected) in
            [("", 0), ("a", 0), ("a\nb\n", 2), ("a\r\nb\r\n", 2), ("a\rb\r", 2), ("\n\r\n\r\r\n", 4)]
        {
            assert_eq!(count(text.as_bytes()), expected, "{text:?}");
        }
    }
}
