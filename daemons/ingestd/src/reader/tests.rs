//! The promises of reading, over whole bodies.

use std::io::{Seek, Write};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Decimal128Type, Field, Int64Type, Schema, SchemaRef};
use proptest::prelude::*;
use wire::ingest::{OnError, Reject};

use super::*;

/// The labour statistics that the repository carries, from where cargo runs the tests of a package.
const OEWS: &str = "../../data/oews/oews_2025_staffing_metro_detailed.parquet";

const LIMITS: Limits = Limits { inference_rows: 100, max_row_bytes: 1 << 20, batch_rows: 7, piece_bytes: 64 };

fn file(body: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(body).unwrap();
    file.rewind().unwrap();
    file
}

/// Reads all pieces of `body`, one after the other.
fn rows(
    body: &[u8],
    format: IngestFormat,
    table: &SchemaRef,
    rejects: &Rejects,
) -> Result<RecordBatch, ReadError> {
    rows_within(&LIMITS, body, format, table, rejects)
}

fn rows_within(
    limits: &Limits,
    body: &[u8],
    format: IngestFormat,
    table: &SchemaRef,
    rejects: &Rejects,
) -> Result<RecordBatch, ReadError> {
    let Opened { mut pieces, rows } = open(file(body), format, Arc::clone(table), limits)?;
    let (mut all, mut number) = (Vec::new(), 0);
    while let Some(piece) = pieces.next_piece()? {
        let mut of_piece = rejects.of_piece(number);
        let result = rows.read(piece, &mut of_piece, &mut |batch| {
            all.push(batch);
            true
        });
        of_piece.finish(result);
        number += 1;
    }
    Ok(concat_batches(table, &all).unwrap())
}

fn rejects(on_error: OnError) -> Rejects {
    Rejects::new(on_error, None, None, 1)
}

/// Reads `body` as a new table, skipping what does not fit.
fn create(body: &[u8], format: IngestFormat) -> Result<(RecordBatch, Vec<Reject>), ReadError> {
    create_within(&LIMITS, body, format)
}

fn create_within(
    limits: &Limits,
    body: &[u8],
    format: IngestFormat,
) -> Result<(RecordBatch, Vec<Reject>), ReadError> {
    let table: SchemaRef = Arc::new(infer(file(body), format, limits)?);
    let rejects = rejects(OnError::Skip);
    let batch = rows_within(limits, body, format, &table, &rejects)?;
    Ok((batch, rejects.collect()?.shown))
}

fn text(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(column).unwrap().as_string::<i32>();
    column.iter().map(|value| value.map(str::to_owned)).collect()
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    let batch = batch.unwrap();
    let mut body = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut body, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    body
}

#[test]
fn leading_zeros_survive() {
    let (batch, rejects) = create(b"id,zip\n1,00123\n2,90210\n", IngestFormat::Csv).unwrap();
    assert_eq!(batch.schema().field(0).data_type(), &DataType::Int64);
    assert_eq!(text(&batch, "zip"), [Some("00123".to_owned()), Some("90210".to_owned())]);
    assert_eq!(rejects, []);
}

#[test]
fn leading_zeros_that_come_after_the_types_were_chosen_are_rejected_not_stripped() {
    let mut body = "zip\n".to_owned() + &"90210\n".repeat(LIMITS.inference_rows);
    body.push_str("00501\n");
    let (batch, rejects) = create(body.as_bytes(), IngestFormat::Csv).unwrap();
    assert_eq!(batch.num_rows(), LIMITS.inference_rows);
    assert_eq!((rejects[0].line, rejects[0].value.as_deref()), (102, Some("00501")));
    assert!(rejects[0].reason.contains("leading zeros"));
}

#[test]
fn bad_rows_are_reported_with_their_line_column_value_and_reason() {
    let body = b"id,name\r\n1,a\r\n\r\n2,\"b\r\nb\"\r\nx,c\r\n3\r\n4,\xff\r\n5,\"e\"e\r\n6,f\0\r\n7,g\r\n";
    let table = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("name", DataType::Utf8, true),
    ]));
    let rejects = rejects(OnError::Skip);
    let batch = rows(body, IngestFormat::Csv, &table, &rejects).unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 2, 7]);
    let mut found: Vec<(u64, Option<String>, String)> = rejects
        .collect()
        .unwrap()
        .shown
        .into_iter()
        .map(|reject| (reject.line, reject.column, reject.reason))
        .collect();
    found.sort();
    let name = || Some("name".to_owned());
    assert_eq!(
        found,
        [
            (6, Some("id".to_owned()), "not an integer".to_owned()),
            (7, None, "the row has 1 fields, the header has 2".to_owned()),
            (8, name(), "is not UTF-8".to_owned()),
            (9, None, "text follows a closing quote; a quote inside quotes is written twice".to_owned()),
            (10, name(), "contains a NUL byte".to_owned()),
        ]
    );
}

#[test]
fn abort_stops_at_the_first_bad_row() {
    let table = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true)]));
    let rejects = rejects(OnError::Abort);
    rows(b"id\n1\nx\n", IngestFormat::Csv, &table, &rejects).unwrap();
    let error = rejects.collect().err().unwrap().to_string();
    assert!(error.starts_with("line 3, column id, value \"x\": not an integer"), "{error}");
}

#[test]
fn empty_is_null_and_quoted_empty_is_empty_text() {
    let (batch, _) = create(b"a,b\n,x\n\"\",y\nz,\n", IngestFormat::Csv).unwrap();
    assert_eq!(text(&batch, "a"), [None, Some(String::new()), Some("z".to_owned())]);
    assert_eq!(text(&batch, "b")[2], None);
}

#[test]
fn byte_order_mark_is_no_part_of_the_first_name() {
    let (batch, _) = create(b"\xEF\xBB\xBFid\n1\n", IngestFormat::Csv).unwrap();
    assert_eq!(batch.schema().field(0).name(), "id");
}

#[test]
fn null_in_a_required_column_rejects_its_row() {
    let table = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
    ]));
    let rejects = rejects(OnError::Skip);
    let batch = rows(b"name,id\na,1\nb,\n", IngestFormat::Csv, &table, &rejects).unwrap();
    assert_eq!(batch.num_rows(), 1);
    assert_eq!(rejects.collect().unwrap().shown[0].reason, "is required, not null");
}

#[test]
fn column_that_the_body_lacks_is_null() {
    let table = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("late", DataType::LargeBinary, true),
    ]));
    let rejects = rejects(OnError::Abort);
    for (body, format) in [(&b"id\n1\n"[..], IngestFormat::Csv), (b"{\"id\":1}\n", IngestFormat::Ndjson)] {
        let batch = rows(body, format, &table, &rejects).unwrap();
        assert_eq!(batch.column(1).null_count(), 1);
    }
}

#[test]
fn hostile_text_bodies_get_an_answer_that_says_what_is_wrong() {
    let huge = [b"a,b\n1,".as_slice(), &vec![b'x'; 10 << 20], b"\n"].concat();
    for (body, expected) in [
        (&b""[..], "empty"),
        (b"\xEF\xBB\xBF", "no header"),
        (b"\n\n\n", "no header"),
        (b"a,b\n", "no row"),
        (b"a,a\n1,2\n", "twice"),
        (b"a,A\n1,2\n", "twice"),
        (b"a,,c\n1,2,3\n", "column 2 has no name"),
        (b"a,b\n1,2,3\n", "no row that has the header's number"),
        (b"\xFF\xFEa\0\n\0", "UTF-16"),
        (b"a\0b\n1\n", "NUL"),
        (b"\xC3\x28\n1\n", "not UTF-8"),
        (b"a,b\n1,\"2\n3,4\n", "line 2 is never closed"),
        (b"\"a,b\n1,2\n", "never closed"),
        (&huge, "no row"),
    ] {
        let error = create(body, IngestFormat::Csv).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} for {:?}", &body[..body.len().min(30)]);
    }
}

#[test]
fn hostile_ndjson_bodies_get_an_answer_that_says_what_is_wrong() {
    let huge = [b"{\"a\":\"".as_slice(), &vec![b'x'; 10 << 20], b"\"}\n"].concat();
    let deep = "[".repeat(100_000);
    for (body, expected) in [
        (&b""[..], "empty"),
        (b"\n \n", "no rows"),
        (b"[1,2]\n", "line 1: not a JSON object"),
        (b"{\"a\":1", "line 1: not a JSON object"),
        (b"{\"a\":1,\"a\":2}\n", "\"a\" occurs twice"),
        (b"{\"\":1}\n", "no name"),
        (b"{}\n", "0 columns"),
        (b"\xC3\x28\n", "not UTF-8"),
        (deep.as_bytes(), "not a JSON object"),
        (&huge, "longer than"),
    ] {
        let error = create(body, IngestFormat::Ndjson).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} for {:?}", &body[..body.len().min(30)]);
    }
}

#[test]
fn truncated_or_false_parquet_gets_an_answer_that_says_so() {
    let whole = parquet(vec![("a", Arc::new(Int32Array::from(vec![1, 2, 3])))]);
    for body in [&b""[..], b"PAR1", b"a,b\n1,2\n", &whole[..whole.len() - 5], &whole[4..]] {
        let error = create(body, IngestFormat::Parquet).unwrap_err();
        assert!(matches!(error, ReadError::Malformed(_)), "{error:?}");
    }
}

#[test]
fn ndjson_keeps_kinds_apart_and_nested_values_as_json() {
    let body = br#"{"id":1,"code":"007","ok":true,"at":"2025-05-01","tags":["a"]}
{"id":2,"code":null,"late":1.5}
"#;
    let (batch, rejects) = create(body, IngestFormat::Ndjson).unwrap();
    assert_eq!(rejects, []);
    let types: Vec<_> = batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    use DataType::{Boolean, Date32, Float64, Int64, Utf8};
    assert_eq!(types, [Int64, Utf8, Boolean, Date32, Utf8, Float64]);
    assert_eq!(text(&batch, "code"), [Some("007".to_owned()), None]);
    assert_eq!(text(&batch, "tags"), [Some("[\"a\"]".to_owned()), None]);
}

#[test]
fn json_array_and_single_object_are_the_rows_that_ndjson_would_be() {
    let lines = b"{\"id\":1,\"name\":\"a,]}\\\"\"}\n{\"id\":2,\"tags\":[[1],{\"x\":2}]}\n";
    let array = b" [ {\"id\":1,\"name\":\"a,]}\\\"\"} ,\n{\"id\":2,\"tags\":[[1],{\"x\":2}]}\n] \n";
    let (expected, _) = create(lines, IngestFormat::Ndjson).unwrap();
    assert_eq!(create(array, IngestFormat::Json).unwrap(), (expected.clone(), Vec::new()));
    let (single, _) = create(b"\n{\"id\":1}\n", IngestFormat::Json).unwrap();
    assert_eq!(single.column(0).as_primitive::<Int64Type>().values(), &[1]);
}

#[test]
fn element_that_is_no_row_is_rejected_with_its_line_and_those_around_it_are_taken() {
    let long = "x".repeat(LIMITS.max_row_bytes);
    let body = format!("[{{\"id\":1}},\n 7,\n{{\"id\":\"{long}\"}},\n\n{{\"id\":3}}]");
    let (batch, rejects) = create(body.as_bytes(), IngestFormat::Json).unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 3]);
    assert_eq!(rejects.iter().map(|reject| reject.line).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn row_that_is_too_long_to_be_held_is_rejected_with_its_line_and_the_next_is_taken() {
    let long = "x".repeat(3 * LIMITS.max_row_bytes);
    for newline in ["\n", "\r\n"] {
        let body = ["id,name", "1,a", &format!("2,\"{newline}{long}\""), "", "3,c", ""].join(newline);
        let (batch, rejects) = create(body.as_bytes(), IngestFormat::Csv).unwrap();
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().values(), &[1, 3]);
        assert_eq!((rejects.len(), rejects[0].line), (1, 3), "{newline:?}");
        let late = body + "x,d" + newline;
        let (_, rejects) = create(late.as_bytes(), IngestFormat::Csv).unwrap();
        assert_eq!(rejects.len(), 1, "a column with an x is text");
        let table = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("name", DataType::Utf8, true),
        ]));
        let all = rejects_of(late.as_bytes(), &table);
        assert_eq!(all.iter().map(|reject| reject.line).collect::<Vec<_>>(), [3, 7], "{newline:?}");
    }
}

fn rejects_of(body: &[u8], table: &SchemaRef) -> Vec<Reject> {
    let rejects = rejects(OnError::Skip);
    rows(body, IngestFormat::Csv, table, &rejects).unwrap();
    rejects.collect().unwrap().shown
}

#[test]
fn ndjson_key_that_is_no_column_rejects_its_row_and_names_the_nearest() {
    let table = Arc::new(Schema::new(vec![Field::new("area_title", DataType::Utf8, true)]));
    let rejects = rejects(OnError::Skip);
    let body = b"{\"area_title\":\"x\"}\n{\"area_titel\":\"y\"}\n";
    let batch = rows(body, IngestFormat::Ndjson, &table, &rejects).unwrap();
    assert_eq!(batch.num_rows(), 1);
    let reject = &rejects.collect().unwrap().shown[0];
    assert!(reject.line == 2 && reject.reason.contains("\"area_title\""), "{reject:?}");
}

#[test]
fn parquet_value_that_the_table_cannot_hold_exactly_rejects_its_row() {
    let body = parquet(vec![
        ("at", Arc::new(TimestampNanosecondArray::from(vec![Some(1_000), Some(1_001), None]))),
        ("big", Arc::new(UInt64Array::from(vec![u64::MAX, 1, 2]))),
    ]);
    let (batch, rejects) = create(&body, IngestFormat::Parquet).unwrap();
    assert_eq!(batch.column(1).as_primitive::<Decimal128Type>().values(), &[i128::from(u64::MAX), 2]);
    assert_eq!((rejects.len(), rejects[0].line, rejects[0].column.as_deref()), (1, 2, Some("at")));
}

#[test]
fn parquet_is_converted_to_the_types_of_the_table_or_refused() {
    let body = parquet(vec![("n", Arc::new(StringArray::from(vec!["1", "x"])))]);
    let table = |data_type| Arc::new(Schema::new(vec![Field::new("n", data_type, true)]));
    let rejects = rejects(OnError::Skip);
    let batch = rows(&body, IngestFormat::Parquet, &table(DataType::Int64), &rejects).unwrap();
    assert_eq!((batch.num_rows(), rejects.collect().unwrap().count), (1, 1));
    let error = rows(&body, IngestFormat::Parquet, &table(DataType::LargeBinary), &rejects).unwrap_err();
    assert!(error.to_string().contains("column \"n\" is Utf8 in the body"), "{error}");
}

#[test]
fn labour_statistics_are_read_whole() {
    let body = std::fs::read(OEWS).unwrap();
    let (batch, rejects) = create(&body, IngestFormat::Parquet).unwrap();
    assert_eq!((batch.num_rows(), rejects.len()), (67_809, 0), "{:?}", rejects.first());
}

proptest! {
    #[test]
    fn text_table_written_as_csv_is_read_back(
        cells in prop::collection::vec(prop::collection::vec("[a-z,\"\r\n é0]{1,6}", 2), 1..30),
    ) {
        let mut writer = csv::WriterBuilder::new().quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
        writer.write_record(["x", "y"]).unwrap();
        cells.iter().for_each(|row| writer.write_record(row).unwrap());
        let table = Arc::new(Schema::new(vec![
            Field::new("x", DataType::Utf8, true),
            Field::new("y", DataType::Utf8, true),
        ]));
        let rejects = rejects(OnError::Abort);
        let batch = rows(&writer.into_inner().unwrap(), IngestFormat::Csv, &table, &rejects).unwrap();
        let read: Vec<Vec<String>> = text(&batch, "x").into_iter().zip(text(&batch, "y"))
            .map(|(x, y)| vec![x.unwrap(), y.unwrap()]).collect();
        prop_assert_eq!(read, cells);
    }

    /// However a body is cut into pieces, its rows and its rejects are the same.
    #[test]
    fn where_a_body_is_cut_changes_nothing(
        csv in "(a,b\n)([0-9x,\"\r\n]{0,80})",
        rows in prop::collection::vec("(\\{\"a\":[0-9]\\}|\\{\"b\":\"[\\],x]\"\\}|7|x)", 1..9),
        piece_bytes in 1..40_usize,
    ) {
        let ndjson = rows.join("\n");
        let json = format!("[{}]", rows.join(",\n"));
        let whole = Limits { piece_bytes: 1 << 20, ..LIMITS };
        let cut = Limits { piece_bytes, ..LIMITS };
        for (body, format) in
            [(&csv, IngestFormat::Csv), (&ndjson, IngestFormat::Ndjson), (&json, IngestFormat::Json)]
        {
            let read = |limits| create_within(limits, body.as_bytes(), format).map_err(|error| error.to_string());
            prop_assert_eq!(read(&cut), read(&whole), "{}", body);
        }
    }

    #[test]
    fn no_row_is_lost_without_a_reject(body in "(a,b\n)([0-9x,\"\n]{0,60})") {
        if let Ok((batch, rejects)) = create(body.as_bytes(), IngestFormat::Csv) {
            let mut oracle = csv::ReaderBuilder::new().flexible(true).from_reader(body.as_bytes());
            // The two tell faulty records from good ones differently, but must agree on how many there are.
            prop_assert_eq!(batch.num_rows() + rejects.len(), oracle.byte_records().count());
        }
    }
}
