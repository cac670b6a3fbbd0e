//! Parquet that is damaged, or holds what tables cannot.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, ListArray, RecordBatch, StructArray};
use arrow::datatypes::{Field, Int32Type};
use parquet::arrow::ArrowWriter;
use wire::ErrorCode::{InvalidArgument, Unprocessable};

use super::case::{Case, PARQUET, bytes, case, text, truncated};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "wrong magic",
            "hr.new",
            PARQUET,
            bytes!(b"PAR2 and rather more than eight bytes"),
            (InvalidArgument, "cannot be read as Parquet"),
        ),
        case(
            "magic only",
            "hr.new",
            PARQUET,
            bytes!(b"PAR1PAR1"),
            (InvalidArgument, "cannot be read as Parquet"),
        ),
        case(
            "footer of 2 GB",
            "hr.new",
            PARQUET,
            bytes!(b"PAR1\xFF\xFF\xFF\x7FPAR1"),
            (InvalidArgument, "cannot be read as Parquet"),
        ),
        case(
            "truncated Parquet",
            "hr.new",
            PARQUET,
            || truncated(parquet(&flat())),
            (InvalidArgument, "cannot be read as Parquet"),
        ),
        case("damaged page", "hr.new", PARQUET, || damaged(parquet(&flat())), (InvalidArgument, "Parquet")),
        case("CSV as Parquet", "hr.new", PARQUET, text, (InvalidArgument, "cannot be read as Parquet")),
        case(
            "Parquet with a struct",
            "hr.new",
            PARQUET,
            || parquet(&nested_column()),
            (Unprocessable, "which tables cannot hold yet"),
        ),
        case(
            "Parquet with a list",
            "hr.new",
            PARQUET,
            || parquet(&list_column()),
            (Unprocessable, "which tables cannot hold yet"),
        ),
        case(
            "Parquet without rows",
            "hr.new",
            PARQUET,
            || parquet(&flat().slice(0, 0)),
            (Unprocessable, "the body has no rows"),
        ),
        case(
            "Parquet of another table",
            "hr.people",
            PARQUET,
            || parquet(&flat()),
            (Unprocessable, "no column \"n\""),
        ),
    ]
}

/// Overwrites the first page, behind its header.
fn damaged(mut body: Vec<u8>) -> Vec<u8> {
    body[4..60].fill(0xA5);
    body
}

fn numbers() -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(0..1_000))
}

fn batch(name: &str, column: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([(name, column)]).unwrap_or_else(|error| panic!("{error}"))
}

fn flat() -> RecordBatch {
    batch("n", numbers())
}

fn nested_column() -> RecordBatch {
    let field = Field::new("n", numbers().data_type().clone(), false);
    batch("s", Arc::new(StructArray::from(vec![(Arc::new(field), numbers())])))
}

fn list_column() -> RecordBatch {
    let lists = (0..10).map(|n| Some(vec![Some(n)]));
    batch("l", Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists)))
}

fn parquet(rows: &RecordBatch) -> Vec<u8> {
    let mut body = Vec::new();
    let written = ArrowWriter::try_new(&mut body, rows.schema(), None).and_then(|mut writer| {
        writer.write(rows)?;
        writer.close()
    });
    written.map(|_| body).unwrap_or_else(|error| panic!("{error}"))
}
