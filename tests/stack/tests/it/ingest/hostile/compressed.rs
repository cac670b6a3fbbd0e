//! Bodies that do not decompress, or to too much.

use std::io::Write;

use wire::ErrorCode::{InvalidArgument, PayloadTooLarge, UnsupportedMediaType};

use super::case::{Case, encoded, gzip, text, truncated, zstd};

pub(super) fn cases() -> Vec<Case> {
    vec![
        encoded(
            "gzip bomb",
            "gzip",
            || gzip(&vec![0; 200 << 20]),
            (PayloadTooLarge, "expands more than 250 times"),
        ),
        encoded(
            "zstd bomb",
            "zstd",
            || zstd(&vec![0; 200 << 20]),
            (PayloadTooLarge, "expands more than 250 times"),
        ),
        encoded("truncated gzip", "gzip", || truncated(gzip(&text())), (InvalidArgument, "not valid gzip")),
        encoded("truncated zstd", "zstd", || truncated(zstd(&text())), (InvalidArgument, "not valid zstd")),
        encoded("empty gzip", "gzip", Vec::new, (InvalidArgument, "not valid gzip")),
        encoded(
            "gzip with rubbish behind",
            "gzip",
            || [gzip(b"id\n1\n"), text()].concat(),
            (InvalidArgument, "not valid gzip"),
        ),
        encoded("text that says it is gzip", "gzip", text, (InvalidArgument, "not valid gzip")),
        encoded("text that says it is zstd", "zstd", text, (InvalidArgument, "not valid zstd")),
        encoded("zstd with a window of 1 GiB", "zstd", wide_window, (InvalidArgument, "not valid zstd")),
        encoded(
            "brotli",
            "br",
            text,
            (UnsupportedMediaType, "\"br\" is not supported; send gzip, zstd or none"),
        ),
        encoded(
            "two encodings",
            "gzip, zstd",
            text,
            (UnsupportedMediaType, "\"gzip, zstd\" is not supported"),
        ),
    ]
}

/// A frame that asks its reader for more memory than `zstd` itself grants.
fn wide_window() -> Vec<u8> {
    let mut frame = Vec::new();
    let encoder = zstd::Encoder::new(&mut frame, 1).and_then(|mut encoder| {
        encoder.window_log(30)?;
        encoder.write_all(&text())?;
        encoder.flush()?;
        encoder.finish().map(drop)
    });
    encoder.map(|()| frame).unwrap_or_default()
}
