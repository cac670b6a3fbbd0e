//! Answers, found in what a connection has received so far.

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
    /// All of the body.
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
}

/// What came is no answer that this client understands.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not understood as an HTTP/1.1 answer with a content-length: {0}")]
pub struct NotUnderstood(String);

/// What is shown of an answer that fails.
const SHOWN_BYTES: usize = 300;

impl<'a> Reply<'a> {
    /// Reads the one answer that `input` begins with; `None` while it is not complete.
    pub fn parse(input: &'a [u8]) -> Result<Option<Self>, NotUnderstood> {
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
            (None, _) => return Err(not_understood()),
        };
        Ok(input.get(end + 4..end + 4 + length).map(|body| Self { status, headers, body }))
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
}
