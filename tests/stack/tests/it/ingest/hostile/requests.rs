//! Bodies that are well, and requests that are not.

use wire::ErrorCode::{AlreadyExists, InvalidArgument, NotFound, UnsupportedMediaType};

use super::case::{CSV, Case, case, text};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "picture",
            "hr.new",
            "image/png",
            text,
            (UnsupportedMediaType, "\"image/png\" says nothing about rows"),
        ),
        case("no media type", "hr.new", "", text, (UnsupportedMediaType, "or add format=")),
        case("unknown format", "hr.new&format=xlsx", CSV, text, (InvalidArgument, "xlsx")),
        case("unknown parameter", "hr.new&colour=red", CSV, text, (InvalidArgument, "colour")),
        case("table outside of its folder", "../x.y", CSV, text, (InvalidArgument, "is not a table")),
        case(
            "table without a namespace",
            "people",
            CSV,
            text,
            (InvalidArgument, "namespace.name, with one dot"),
        ),
        case(
            "table that exists",
            "hr.people&mode=create",
            CSV,
            text,
            (AlreadyExists, "mode=append adds to it"),
        ),
        case(
            "table that does not exist",
            "hr.new&mode=append",
            CSV,
            text,
            (NotFound, "mode=create makes it"),
        ),
    ]
}
