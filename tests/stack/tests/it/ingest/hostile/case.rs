//! What a hostile body is, and how some are made.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use wire::ErrorCode;

/// One body. `into` is the query behind `/ingest?table=`: `hr.people` has the columns `id` (long), `zip` (string) and `pay`
/// (double), `hr.new` does not exist.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) into: &'static str,
    pub(super) media_type: &'static str,
    pub(super) encoding: Option<&'static str>,
    pub(super) body: fn() -> Vec<u8>,
    /// The answer's code, which also decides its status, and a part of its detail.
    pub(super) answer: (ErrorCode, &'static str),
}

pub(super) const CSV: &str = "text/csv";
pub(super) const NDJSON: &str = "application/x-ndjson";
pub(super) const JSON: &str = "application/json";
pub(super) const PARQUET: &str = "application/vnd.apache.parquet";

pub(super) const fn case(
    name: &'static str,
    into: &'static str,
    media_type: &'static str,
    body: fn() -> Vec<u8>,
    answer: (ErrorCode, &'static str),
) -> Case {
    Case { name, into, media_type, encoding: None, body, answer }
}

pub(super) const fn encoded(
    name: &'static str,
    encoding: &'static str,
    body: fn() -> Vec<u8>,
    answer: (ErrorCode, &'static str),
) -> Case {
    Case { name, into: "hr.new", media_type: CSV, encoding: Some(encoding), body, answer }
}

/// Bytes of a text, which a literal does not give as a function.
macro_rules! bytes {
    ($text:expr) => {
        || $text.to_vec()
    };
}
pub(super) use bytes;

pub(super) fn text() -> Vec<u8> {
    b"id\n".iter().chain(b"1234567\n".repeat(500).iter()).copied().collect()
}

pub(super) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).unwrap_or_default()
}

pub(super) fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 1).unwrap_or_default()
}

pub(super) fn truncated(mut body: Vec<u8>) -> Vec<u8> {
    body.truncate(body.len() / 2);
    body
}
