//! CSV whose rows are wrong.

use wire::ErrorCode::{InvalidArgument, Unprocessable};

use super::case::{CSV, Case, bytes, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "ragged rows only",
            "hr.new",
            CSV,
            bytes!(b"id,zip\n1\n1,2,3\n"),
            (Unprocessable, "no row that has the header's number"),
        ),
        case(
            "short row",
            "hr.people",
            CSV,
            bytes!(b"id,zip\n1,2\n3\n"),
            (Unprocessable, "line 3: the row has 1 fields, the header has 2"),
        ),
        case(
            "long row",
            "hr.people",
            CSV,
            bytes!(b"id,zip\n1,2,3\n"),
            (Unprocessable, "line 2: the row has 3 fields"),
        ),
        case(
            "unclosed quote",
            "hr.people",
            CSV,
            bytes!(b"id,zip\n1,\"2\n3,4\n"),
            (InvalidArgument, "line 2 is never closed"),
        ),
        case(
            "unclosed quote before 20 MB",
            "hr.people",
            CSV,
            unclosed,
            (InvalidArgument, "line 2 is never closed"),
        ),
        case(
            "unclosed quote in the header",
            "hr.new",
            CSV,
            bytes!(b"\"id\n1\n"),
            (InvalidArgument, "line 1 is never closed"),
        ),
        case(
            "text behind a quote",
            "hr.people",
            CSV,
            bytes!(b"id,zip\n1,\"2\"3\n"),
            (Unprocessable, "line 2: text follows a closing quote"),
        ),
        case(
            "odd quotes",
            "hr.people",
            CSV,
            bytes!(b"id,zip\n1,\"a\"\"\"\"\n"),
            (InvalidArgument, "line 2 is never closed"),
        ),
        case(
            "lone CRs",
            "hr.people",
            CSV,
            bytes!(b"id,zip\r1,2\rx,3\r"),
            (Unprocessable, "line 3, column id, value \"x\""),
        ),
        case(
            "CRLF",
            "hr.people",
            CSV,
            bytes!(b"id,zip\r\n1,2\r\n\r\nx,3\r\n"),
            (Unprocessable, "line 4, column id, value \"x\""),
        ),
        case(
            "NUL in a value",
            "hr.people",
            CSV,
            bytes!(b"id,zip\n1,a\0b\n"),
            (Unprocessable, "column zip, value \"a\\0b\": contains a NUL byte"),
        ),
        case(
            "value that is not UTF-8",
            "hr.people",
            CSV,
            bytes!(b"id,zip\n1,\xFF\n"),
            (Unprocessable, "column zip, value \"\u{FFFD}\": is not UTF-8"),
        ),
        case(
            "field of 10 MB",
            "hr.people",
            CSV,
            || long_field(10 << 20),
            (Unprocessable, "line 2: the row is longer than 8388608 bytes"),
        ),
        case(
            "line of 100 MB",
            "hr.people",
            CSV,
            || long_field(100 << 20),
            (Unprocessable, "line 2: the row is longer than 8388608 bytes"),
        ),
        case(
            "line of 100 MB, skipped",
            "hr.people&on_error=skip",
            CSV,
            || long_field(100 << 20),
            (Unprocessable, "none of the 1 rows fits"),
        ),
        case(
            "row of 1,000,000 commas",
            "hr.people",
            CSV,
            commas,
            (Unprocessable, "line 2: the row has more than 65536 fields"),
        ),
        case(
            "nothing but bad rows",
            "hr.people&on_error=skip",
            CSV,
            bad_rows,
            (Unprocessable, "none of the 500000 rows fits; line 2"),
        ),
        case(
            "more bad rows than allowed",
            "hr.people&on_error=skip&max_errors=7",
            CSV,
            bad_rows,
            (Unprocessable, "more than 7 rows do not fit"),
        ),
        case(
            "integer of 30 digits",
            "hr.people",
            CSV,
            bytes!(b"id\n100000000000000000000000000000\n"),
            (Unprocessable, "does not fit in 64 bits"),
        ),
        case(
            "unknown column",
            "hr.people",
            CSV,
            bytes!(b"id,zpi\n1,2\n"),
            (Unprocessable, "no column \"zpi\"; the nearest is \"zip\""),
        ),
    ]
}

fn unclosed() -> Vec<u8> {
    [b"id,zip\n1,\"2\n".as_slice(), &b"3,4\n".repeat(5 << 20)].concat()
}

fn long_field(bytes: usize) -> Vec<u8> {
    [b"id,zip\n1,".as_slice(), &vec![b'x'; bytes], b"\n"].concat()
}

fn commas() -> Vec<u8> {
    [b"id,zip\n".as_slice(), &vec![b','; 1_000_000], b"\n"].concat()
}

fn bad_rows() -> Vec<u8> {
    [b"id\n".as_slice(), &b"x\n".repeat(500_000)].concat()
}
