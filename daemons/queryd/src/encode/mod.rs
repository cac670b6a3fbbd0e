//! Results as bytes, whole: an error while encoding must still be able to become a problem.

mod json;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use query_engine::Rows;
use service::ApiError;

/// Fast, and a few percent larger than the default.
const ZSTD_LEVEL: i32 = 1;

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultFormat {
    /// [`wire::sql::SqlAnswer`].
    Json,
    /// RFC 4180 with a header row; null is an empty field.
    Csv,
    /// A JSON object a line; values as in [`wire::sql::SqlAnswer`].
    Ndjson,
    /// Arrow IPC, streaming format.
    ArrowStream,
    /// A Parquet file, compressed with zstd.
    Parquet,
}

const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";
const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";
const PARQUET: &str = "application/vnd.apache.parquet";

impl ResultFormat {
    /// The format that the query of the URL names.
    ///
    /// # Errors
    /// 400 that lists those there are.
    pub(crate) fn by_name(name: &str) -> Result<Self, ApiError> {
        match name {
            "json" => Ok(Self::Json),
            "ndjson" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            "arrow" => Ok(Self::ArrowStream),
            "parquet" => Ok(Self::Parquet),
            other => Err(ApiError::invalid(format!(
                "format is json, ndjson, csv, arrow or parquet, not {other:?}"
            ))),
        }
    }

    /// The first format that `Accept` names and we have; JSON where it names none.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Self {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        for range in accept.split(',') {
            let media_type = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            match media_type.as_str() {
                JSON | "application/*" | "*/*" => return Self::Json,
                CSV => return Self::Csv,
                NDJSON => return Self::Ndjson,
                ARROW_STREAM => return Self::ArrowStream,
                PARQUET => return Self::Parquet,
                _ => {}
            }
        }
        Self::Json
    }

    /// The value of `Content-Type`.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => NDJSON,
            Self::ArrowStream => ARROW_STREAM,
            Self::Parquet => PARQUET,
        }
    }

    /// The whole result in this format.
    ///
    /// # Errors
    /// When a column has a type that the format cannot show.
    pub(crate) fn encode(self, rows: &Rows) -> Result<Vec<u8>, ArrowError> {
        match self {
            Self::Json => json::encode(rows),
            Self::Csv => csv(rows),
            Self::Ndjson => json::encode_lines(rows),
            Self::ArrowStream => arrow_stream(rows),
            Self::Parquet => parquet_file(rows),
        }
    }
}

fn csv(rows: &Rows) -> Result<Vec<u8>, ArrowError> {
    let mut out = Vec::new();
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut out);
    // The header is written with the first batch, so that there has to be one.
    writer.write(&RecordBatch::new_empty(rows.schema.clone()))?;
    for batch in &rows.batches {
        writer.write(batch)?;
    }
    drop(writer);
    Ok(out)
}

fn arrow_stream(rows: &Rows) -> Result<Vec<u8>, ArrowError> {
    let mut out = Vec::new();
    let mut writer = StreamWriter::try_new(&mut out, &rows.schema)?;
    for batch in &rows.batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    drop(writer);
    Ok(out)
}

fn parquet_file(rows: &Rows) -> Result<Vec<u8>, ArrowError> {
    let level = ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default();
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, rows.schema.clone(), Some(properties))?;
    for batch in &rows.batches {
        writer.write(batch)?;
    }
    writer.close()?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(accept: &str) -> ResultFormat {
        ResultFormat::negotiate(&HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn first_known_format_wins_and_browsers_get_json() {
        for (accept, expected) in [
            ("", ResultFormat::Json),
            ("*/*", ResultFormat::Json),
            ("text/html,application/xhtml+xml,*/*;q=0.8", ResultFormat::Json),
            ("Text/CSV;q=0.9, application/json", ResultFormat::Csv),
            (ARROW_STREAM, ResultFormat::ArrowStream),
            ("application/x-ndjson", ResultFormat::Ndjson),
            ("image/png, application/vnd.apache.parquet", ResultFormat::Parquet),
        ] {
            assert_eq!(negotiate(accept), expected, "{accept}");
        }
    }
}
