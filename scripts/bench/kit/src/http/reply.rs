//! Answers, found in what a connection has received so far.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use thiserror::Error;

/// An answer that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The status code.
    pub status: u16,
    /// What stands between the status line and the body.
    pub headers: Headers<'a>,
    /// All of the body; of one in chunks, with their sizes.
    pub body: &'a [u8],
}

/// The header fields of an answer, as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a>(&'a str);

impl<'a> Headers<'a> {
    /// The value of the first field of that name.
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.0.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn are_of_chunks(self) -> bool {
        self.get("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    }
}

/// What came is no answer that this client understands.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not understood as an HTTP/1.1 answer with a content-length: {0}")]
pub struct NotUnderstood(String);

/// What is shown of an answer that fails.
const SHOWN_BYTES: usize = 300;

impl<'a> Reply<'a> {
    /// Reads the one answer that `input` begins with; `None` while it is not complete.
    ///
    /// # Errors
    /// When it is none that says its length.
    pub fn parse(input: &'a [u8]) -> Result<Option<Self>, NotUnderstood> {
        Self::read(input, false)
    }

    /// The same for an answer that may be streamed, its length not being known when it begins.
    ///
    /// # Errors
    /// When it neither says its length nor comes in chunks.
    pub fn parse_streamed(input: &'a [u8]) -> Result<Option<Self>, NotUnderstood> {
        Self::read(input, true)
    }

    fn read(input: &'a [u8], may_be_streamed: bool) -> Result<Option<Self>, NotUnderstood> {
        let Some(end) = memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
        let not_understood = || NotUnderstood(String::from_utf8_lossy(&input[..end]).into_owned());
        let head = std::str::from_utf8(&input[..end]).map_err(|_| not_understood())?;
        let (status_line, fields) = head.split_once("\r\n").unwrap_or((head, ""));
        let status: u16 = status_line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(not_understood)?;
        let headers = Headers(fields);
        let length = headers.get("content-length").and_then(|length| length.parse::<usize>().ok());
        let length = match (length, status) {
            (Some(length), _) => length,
            (None, 204) => 0,
            (None, _) if may_be_streamed && headers.are_of_chunks() => {
                let rest = &input[end + 4..];
                return Ok(Chunks::read(rest)?.map(|chunks| Self {
                    status,
                    headers,
                    body: &rest[..chunks.length],
                }));
            }
            (None, _) => return Err(not_understood()),
        };
        Ok(input.get(end + 4..end + 4 + length).map(|body| Self { status, headers, body }))
    }

    /// The body without the sizes of its chunks, if it came in any.
    pub fn content(&self) -> Cow<'a, [u8]> {
        match Chunks::read(self.body) {
            Ok(Some(chunks)) if self.headers.are_of_chunks() => chunks.contents.concat().into(),
            _ => self.body.into(),
        }
    }
}

/// A body that came in chunks (RFC 9112, section 7.1).
struct Chunks<'a> {
    contents: Vec<&'a [u8]>,
    /// Of all of it, sizes and line ends included, bytes.
    length: usize,
}

impl<'a> Chunks<'a> {
    /// Those that `input` begins with; `None` while the last has not come. Trailer fields are not understood: nobody here sends them.
    fn read(input: &'a [u8]) -> Result<Option<Self>, NotUnderstood> {
        const LINE_END: &[u8] = b"\r\n";
        let (mut contents, mut at) = (Vec::new(), 0);
        while let Some(length) = memmem::find(&input[at..], LINE_END) {
            let size = String::from_utf8_lossy(&input[at..at + length]);
            let size =
                usize::from_str_radix(&size, 16).map_err(|_| NotUnderstood(format!("a chunk of {size}")))?;
            let from = at + length + LINE_END.len();
            let to = from.saturating_add(size).saturating_add(LINE_END.len());
            let Some(chunk) = input.get(from..to) else { return Ok(None) };
            if !chunk.ends_with(LINE_END) {
                return Err(NotUnderstood(format!("a chunk longer than its {size} bytes")));
            }
            at = from + chunk.len();
            if size == 0 {
                return Ok(Some(Self { contents, length: at }));
            }
            contents.push(&chunk[..size]);
        }
        Ok(None)
    }
}

impl fmt::Display for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.body[..self.body.len().min(SHOWN_BYTES)];
        write!(f, "{} {}", self.status, String::from_utf8_lossy(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_is_complete_when_all_of_its_length_has_come() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n[42]";
        for cut in 0..whole.len() {
            assert_eq!(Reply::parse(&whole[..cut]), Ok(None), "{cut}");
        }
        let reply = Reply::parse(whole).unwrap().unwrap();
        assert_eq!((reply.status, reply.body), (200, &b"[42]"[..]));
        assert_eq!(reply.headers.get("content-type"), Some("application/json"));
        let empty = b"HTTP/1.1 204 No Content\r\ndate: today\r\n\r\n";
        let reply = Reply::parse(empty).unwrap().unwrap();
        assert_eq!((reply.status, reply.body, reply.headers.get("content-length")), (204, &b""[..], None));
    }

    #[test]
    fn answer_without_a_length_is_refused_instead_of_waited_for() {
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n[42]\r\n";
        assert!(Reply::parse(chunked).unwrap_err().to_string().contains("chunked"));
        assert!(Reply::parse(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn streamed_answer_is_complete_with_its_last_chunk() {
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[4,\r\nA\r\n 2,\r\n 0]  \r\n0\r\n\r\nHTTP";
        let end = whole.len() - "HTTP".len();
        for cut in 0..end {
            assert_eq!(Reply::parse_streamed(&whole[..cut]), Ok(None), "{cut}");
        }
        let reply = Reply::parse_streamed(whole).unwrap().unwrap();
        assert_eq!(&*reply.content(), b"[4, 2,\r\n 0]  ");
        assert!(reply.body.ends_with(b"0\r\n\r\n"));
        let counted = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n[42]";
        assert_eq!(&*Reply::parse_streamed(counted).unwrap().unwrap().content(), b"[42]");
    }

    #[test]
    fn streamed_answer_whose_chunks_have_no_size_is_refused() {
        for chunks in ["x\r\n[42]\r\n", "2\r\n[42]\r\n"] {
            let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
            assert!(Reply::parse_streamed(answer.as_bytes()).is_err(), "{chunks}");
        }
    }
}
