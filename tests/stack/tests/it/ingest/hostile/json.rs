//! NDJSON and JSON that are wrong.

use wire::ErrorCode::{InvalidArgument, Unprocessable};

use super::case::{Case, JSON, NDJSON, bytes, case};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "NDJSON with a number",
            "hr.people",
            NDJSON,
            bytes!(b"{\"id\":1}\n42\n"),
            (Unprocessable, "line 2: not a JSON object"),
        ),
        case(
            "NDJSON of numbers",
            "hr.new",
            NDJSON,
            bytes!(b"1\n2\n"),
            (InvalidArgument, "line 1: not a JSON object"),
        ),
        case(
            "NDJSON that breaks off",
            "hr.people",
            NDJSON,
            bytes!(b"{\"id\":1}\n{\"id\":"),
            (Unprocessable, "line 2: not a JSON object"),
        ),
        case(
            "key twice",
            "hr.people",
            NDJSON,
            bytes!(b"{\"id\":1,\"id\":2}\n"),
            (Unprocessable, "line 1: the key \"id\" occurs twice"),
        ),
        case("no keys", "hr.new", NDJSON, bytes!(b"{}\n"), (InvalidArgument, "0 columns")),
        case("empty key", "hr.new", NDJSON, bytes!(b"{\"\":1}\n"), (InvalidArgument, "column 1 has no name")),
        case("10,000 keys", "hr.new", NDJSON, many_keys, (InvalidArgument, "more than 4096 keys")),
        case(
            "other keys in each of 9,000 rows",
            "hr.new",
            NDJSON,
            other_keys,
            (InvalidArgument, "columns, a table has 1 to 4096"),
        ),
        case(
            "nested 100,000 deep",
            "hr.people",
            NDJSON,
            || nested(100_000),
            (Unprocessable, "nested deeper than 128 levels"),
        ),
        case(
            "number beyond doubles",
            "hr.people",
            NDJSON,
            bytes!(b"{\"pay\":1e999}\n"),
            (Unprocessable, "does not fit in a 64-bit float"),
        ),
        case(
            "half of a surrogate pair",
            "hr.people",
            NDJSON,
            bytes!(br#"{"zip":"\ud800"}"#),
            (Unprocessable, "not a valid JSON string"),
        ),
        case(
            "escaped NUL",
            "hr.people",
            NDJSON,
            bytes!(br#"{"zip":"\u0000"}"#),
            (Unprocessable, "contains a NUL character"),
        ),
        case(
            "NDJSON line of 100 MB",
            "hr.people",
            NDJSON,
            || vec![b'['; 100 << 20],
            (Unprocessable, "line 1: the row is longer"),
        ),
        case(
            "array that breaks off",
            "hr.people",
            JSON,
            bytes!(b"[{\"id\":1},\n{\"id\":2"),
            (InvalidArgument, "line 2: the array is never closed"),
        ),
        case(
            "array without commas",
            "hr.people",
            JSON,
            bytes!(b"[{\"id\":1} {\"id\":2}]"),
            (InvalidArgument, "line 1: a comma is missing"),
        ),
        case(
            "array with a gap",
            "hr.people",
            JSON,
            bytes!(b"[{\"id\":1},\n,]"),
            (InvalidArgument, "line 2: a value is missing"),
        ),
        case(
            "array of numbers",
            "hr.people",
            JSON,
            bytes!(b"[1, 2]"),
            (Unprocessable, "line 1: not a JSON object"),
        ),
        case("empty array", "hr.people", JSON, bytes!(b"[]"), (Unprocessable, "the body has no rows")),
        case(
            "two arrays",
            "hr.people",
            JSON,
            bytes!(b"[{\"id\":1}]\n[]"),
            (InvalidArgument, "line 2: something follows the end"),
        ),
        case(
            "lines as JSON",
            "hr.people",
            JSON,
            bytes!(b"{\"id\":1}\n{\"id\":2}"),
            (InvalidArgument, "application/x-ndjson"),
        ),
        case(
            "a number as JSON",
            "hr.people",
            JSON,
            bytes!(b"42"),
            (InvalidArgument, "an array of objects, or one object"),
        ),
        case(
            "CSV as JSON",
            "hr.people",
            JSON,
            bytes!(b"id\n1\n"),
            (InvalidArgument, "an array of objects, or one object"),
        ),
        case(
            "element of 100 MB",
            "hr.people",
            JSON,
            || long_element(100 << 20),
            (Unprocessable, "line 1: the row is longer"),
        ),
    ]
}

fn many_keys() -> Vec<u8> {
    let keys: Vec<String> = (0..10_000).map(|key| format!("\"k{key}\":1")).collect();
    format!("{{{}}}\n", keys.join(",")).into_bytes()
}

fn other_keys() -> Vec<u8> {
    (0..9_000).map(|key| format!("{{\"k{key}\":1}}\n")).collect::<String>().into_bytes()
}

fn nested(depth: usize) -> Vec<u8> {
    format!("{{\"zip\":{}{}}}\n", "[".repeat(depth), "]".repeat(depth)).into_bytes()
}

fn long_element(bytes: usize) -> Vec<u8> {
    [b"[{\"zip\":\"".as_slice(), &vec![b'x'; bytes], b"\"}]"].concat()
}
