//! CSV whose header, or encoding, is wrong.

use wire::ErrorCode::{InvalidArgument, Unprocessable};

use super::case::{CSV, Case, bytes, case, gzip, zstd};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("nothing", "hr.new", CSV, Vec::new, (InvalidArgument, "the body is empty")),
        case(
            "byte order mark only",
            "hr.new",
            CSV,
            bytes!(b"\xEF\xBB\xBF"),
            (InvalidArgument, "no header row"),
        ),
        case("blank lines", "hr.new", CSV, bytes!(b"\r\n\n\r"), (InvalidArgument, "no header row")),
        case("white space", "hr.new", CSV, bytes!(b"  \t "), (InvalidArgument, "column 1 has no name")),
        case("header only", "hr.new", CSV, bytes!(b"id,zip\n"), (Unprocessable, "a header and no row")),
        case(
            "header only, known table",
            "hr.people",
            CSV,
            bytes!(b"id,zip\n"),
            (Unprocessable, "the body has no rows"),
        ),
        case(
            "same name twice",
            "hr.new",
            CSV,
            bytes!(b"id,zip,id\n1,2,3\n"),
            (InvalidArgument, "\"id\" occurs twice"),
        ),
        case(
            "same name, other case",
            "hr.new",
            CSV,
            bytes!(b"id,ID\n1,2\n"),
            (InvalidArgument, "occurs twice (case"),
        ),
        case(
            "empty name",
            "hr.new",
            CSV,
            bytes!(b"id,,zip\n1,2,3\n"),
            (InvalidArgument, "column 2 has no name"),
        ),
        case(
            "line break in a name",
            "hr.new",
            CSV,
            bytes!(b"\"i\nd\"\n1\n"),
            (InvalidArgument, "control characters"),
        ),
        case(
            "UTF-16, little end first",
            "hr.new",
            CSV,
            || utf16(u16::to_le_bytes),
            (InvalidArgument, "UTF-16"),
        ),
        case("UTF-16, big end first", "hr.new", CSV, || utf16(u16::to_be_bytes), (InvalidArgument, "UTF-16")),
        case(
            "UTF-16 without a mark",
            "hr.new",
            CSV,
            bytes!(b"i\0d\0\n\x001\0\n\0"),
            (InvalidArgument, "NUL byte: is the body text?"),
        ),
        case("UTF-32", "hr.new", CSV, bytes!(b"\0\0\xFE\xFF\0\0\0i"), (InvalidArgument, "UTF-32")),
        case(
            "Latin-1 header",
            "hr.new",
            CSV,
            bytes!(b"Stra\xDFe\nx\n"),
            (InvalidArgument, "not UTF-8: is the body text?"),
        ),
        case(
            "10,000 columns",
            "hr.new",
            CSV,
            || wide(10_000),
            (InvalidArgument, "10000 columns, a table has 1 to 4096"),
        ),
        case(
            "1,000,000 columns",
            "hr.new",
            CSV,
            || wide(1_000_000),
            (InvalidArgument, "more than 65536 fields"),
        ),
        case(
            "header of 20 MB",
            "hr.new",
            CSV,
            || vec![b'x'; 20 << 20],
            (InvalidArgument, "the header row is"),
        ),
        case(
            "Parquet as CSV",
            "hr.new",
            CSV,
            bytes!(b"PAR1 and what follows"),
            (InvalidArgument, "send format=parquet"),
        ),
        case(
            "gzip that does not say so",
            "hr.new",
            CSV,
            || gzip(b"id\n1\n"),
            (InvalidArgument, "send Content-Encoding: gzip"),
        ),
        case(
            "zstd that does not say so",
            "hr.new",
            CSV,
            || zstd(b"id\n1\n"),
            (InvalidArgument, "send Content-Encoding: zstd"),
        ),
    ]
}

fn utf16(to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{FEFF}id\n1\n".encode_utf16().flat_map(to_bytes).collect()
}

fn wide(columns: usize) -> Vec<u8> {
    let names: Vec<String> = (0..columns).map(|column| format!("c{column}")).collect();
    format!("{}\n{}\n", names.join(","), vec!["1"; columns].join(",")).into_bytes()
}
