//! Finding links in a text, in one pass.

use std::ops::Range;

use super::target::decode;

/// The longest tag that is read.
const MAX_TAG_BYTES: usize = 4096;
/// The longest text of a link that is read.
const MAX_LABEL_BYTES: usize = 2048;
/// The longest target that is read.
const MAX_TARGET_BYTES: usize = 2048;

/// A link as it is written.
pub(super) struct Link<'a> {
    /// Where the target stands.
    pub(super) span: Range<usize>,
    pub(super) target: &'a str,
    /// What the reader sees instead of the target.
    pub(super) text: Option<String>,
}

/// All links of `text`, in order.
pub(super) fn links(text: &str) -> impl Iterator<Item = Link<'_>> {
    let bytes = text.as_bytes();
    let (mut at, mut bracket) = (0, None);
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let here = at;
            let found = match bytes[here] {
                b'[' => {
                    bracket = Some(here + 1);
                    None
                }
                b'<' if is_anchor(&bytes[here + 1..]) => anchor(text, here + 2),
                b']' if bytes.get(here + 1) == Some(&b'(') => {
                    bracket.take().and_then(|label| markdown(text, label..here))
                }
                b'h' | b'H' if is_word_start(bytes, here) => plain(text, here),
                _ => None,
            };
            let Some((link, end)) = found else {
                at += 1;
                continue;
            };
            at = end;
            return Some(link);
        }
        None
    })
}

fn is_anchor(rest: &[u8]) -> bool {
    matches!(rest, [b'a' | b'A', next, ..] if next.is_ascii_whitespace())
}

fn is_word_start(bytes: &[u8], at: usize) -> bool {
    at == 0 || !bytes[at - 1].is_ascii_alphanumeric()
}

/// From byte `at` on, the first byte that is not `is_inside`, `end` at most.
fn skip(bytes: &[u8], at: usize, end: usize, is_inside: impl Fn(u8) -> bool) -> usize {
    (at..end).find(|at| !is_inside(bytes[*at])).unwrap_or(end)
}

/// An HTML anchor whose attributes begin at byte `at` (HTML Living Standard, section 13.1.2), and where its text ends.
fn anchor(text: &str, at: usize) -> Option<(Link<'_>, usize)> {
    let bytes = text.as_bytes();
    let limit = bytes.len().min(at + MAX_TAG_BYTES);
    let (mut at, mut href) = (at, None);
    loop {
        at = skip(bytes, at, limit, |byte| byte.is_ascii_whitespace() || byte == b'/');
        match bytes[..limit].get(at)? {
            b'>' => break,
            b'<' => return None,
            _ => {}
        }
        let name = at;
        at = skip(bytes, at + 1, limit, |byte| !byte.is_ascii_whitespace() && !b"=/><".contains(&byte));
        let is_href = bytes[name..at].eq_ignore_ascii_case(b"href");
        let equals = skip(bytes, at, limit, |byte| byte.is_ascii_whitespace());
        if bytes[..limit].get(equals) != Some(&b'=') {
            continue;
        }
        let start = skip(bytes, equals + 1, limit, |byte| byte.is_ascii_whitespace());
        let quote = bytes[..limit].get(start).copied()?;
        let value = if matches!(quote, b'"' | b'\'') {
            start + 1..skip(bytes, start + 1, limit, |byte| byte != quote)
        } else {
            start..skip(bytes, start, limit, |byte| !byte.is_ascii_whitespace() && byte != b'>')
        };
        at = value.end + usize::from(value.start > start);
        if at > limit || value.end == limit {
            return None;
        }
        if is_href {
            href = href.or(Some(value));
        }
    }
    let span = href?;
    let label = text.get(at + 1..label_end(text, at + 1))?;
    let link = Link { target: text.get(span.clone())?, span, text: Some(visible(label)) };
    Some((link, at + 1 + label.len()))
}

/// Where the text of an anchor ends: at its end tag, at another anchor, or where it is too long to be read.
fn label_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let limit = text.floor_char_boundary(start + MAX_LABEL_BYTES);
    let ends = |at: &usize| {
        let rest = &bytes[at + 1..];
        bytes[*at] == b'<' && (is_anchor(rest) || matches!(rest, [b'/', b'a' | b'A', ..]))
    };
    (start..limit).find(ends).unwrap_or(limit)
}

/// What is seen of HTML: without tags, entities replaced.
fn visible(html: &str) -> String {
    let mut seen = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        seen.push_str(before);
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    decode(&(seen + rest))
}

/// A Markdown link with its text at `label` (CommonMark, section 6.3).
fn markdown(text: &str, label: Range<usize>) -> Option<(Link<'_>, usize)> {
    if label.len() > MAX_LABEL_BYTES {
        return None;
    }
    let bytes = text.as_bytes();
    let open = label.end + 2;
    let limit = bytes.len().min(open + MAX_TARGET_BYTES);
    let start = skip(bytes, open, limit, |byte| matches!(byte, b' ' | b'<'));
    let end = skip(bytes, start, limit, |byte| !byte.is_ascii_whitespace() && !b"()<>[]".contains(&byte));
    let is_closed = bytes.get(end).is_some_and(|byte| b") >(".contains(byte));
    let target = text.get(start..end).filter(|target| is_closed && !target.is_empty())?;
    Some((Link { span: start..end, target, text: Some(text.get(label)?.to_owned()) }, end))
}

/// An address in plain sight.
fn plain(text: &str, start: usize) -> Option<(Link<'_>, usize)> {
    let bytes = text.as_bytes();
    let has = |scheme: &[u8]| {
        bytes[start..].get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme))
    };
    if !has(b"http://") && !has(b"https://") {
        return None;
    }
    let limit = bytes.len().min(start + MAX_TARGET_BYTES);
    let is_inside = |byte: u8| !byte.is_ascii_whitespace() && !b"<>\"'`(){}|".contains(&byte);
    let end = text.floor_char_boundary(skip(bytes, start, limit, is_inside));
    let target = text.get(start..end)?.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']);
    Some((Link { span: start..start + target.len(), target, text: None }, end))
}
