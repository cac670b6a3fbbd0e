//! Results as bytes, whole: an error while encoding must still be able to become a problem.

mod json;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use query_engine::Rows;
use service::ApiError;
use wire::ErrorCode;

/// The form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultFormat {
    /// [`wire::sql::SqlAnswer`].
    Json,
    /// RFC 4180 with a header row; null is an empty field.
    Csv,
    /// Arrow IPC, streaming format.
    ArrowStream,
}

const JSON: &str = "application/json";
const CSV: &str = "text/csv";
const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";
/// Known, and to come: better said than answered in a format that was not asked for.
const NOT_BUILT: [&str; 3] =
    ["application/x-ndjson", "application/vnd.apache.parquet", "application/vnd.apache.arrow.file"];

impl ResultFormat {
    /// The first format that `Accept` names; JSON where it names none.
    ///
    /// # Errors
    /// 501 for a format that is not built yet.
    pub(crate) fn negotiate(headers: &HeaderMap) -> Result<Self, ApiError> {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        for range in accept.split(',') {
            let media_type = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            match media_type.as_str() {
                JSON | "application/*" | "*/*" => return Ok(Self::Json),
                CSV => return Ok(Self::Csv),
                ARROW_STREAM => return Ok(Self::ArrowStream),
                other if NOT_BUILT.contains(&other) => {
                    let detail = format!(
                        "results as {other} are not built yet; there are {JSON}, {CSV} and {ARROW_STREAM}"
                    );
                    return Err(ApiError::new(ErrorCode::NotImplemented, detail));
                }
                _ => {}
            }
        }
        Ok(Self::Json)
    }

    /// The value of `Content-Type`.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::ArrowStream => ARROW_STREAM,
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
            Self::ArrowStream => arrow_stream(rows),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(accept: &str) -> Result<ResultFormat, ErrorCode> {
        let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]);
        ResultFormat::negotiate(&headers).map_err(|error| error.code())
    }

    #[test]
    fn first_known_format_wins_and_browsers_get_json() {
        for (accept, expected) in [
            ("", ResultFormat::Json),
            ("*/*", ResultFormat::Json),
            ("text/html,application/xhtml+xml,*/*;q=0.8", ResultFormat::Json),
            ("Text/CSV;q=0.9, application/json", ResultFormat::Csv),
            (ARROW_STREAM, ResultFormat::ArrowStream),
        ] {
            assert_eq!(negotiate(accept), Ok(expected), "{accept}");
        }
        assert_eq!(negotiate("application/x-ndjson"), Err(ErrorCode::NotImplemented));
    }
}
