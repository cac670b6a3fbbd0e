//! `POST /ingest`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use lake::Outage;
use ledger::idempotency::check_key;
use service::{ApiError, Ctx, Json, Query};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::context::{FORWARDED_PREFIX, IDEMPOTENCY_KEY};
use wire::ingest::{IngestAnswer, IngestFormat, IngestParams};
use wire::{ErrorCode, Problem};

use crate::Ingestd;
use crate::load::LoadRequest;
use crate::spool::{Encoding, Spool, SpoolError};

/// The routes whose bodies are streamed.
pub(crate) fn router(ingestd: Ingestd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(ingest)).with_state(ingestd)
}

/// Puts the rows of the body into a table: all that fit, in one commit, or none.
///
/// 200 means that they are on disk and visible. A repeated `Idempotency-Key` gets the first answer, `replayed`.
#[utoipa::path(
    post,
    path = "/ingest",
    params(IngestParams),
    request_body(content = Vec<u8>, content_type = "text/csv", description = "CSV, TSV, NDJSON, JSON or Parquet; gzip or zstd by Content-Encoding"),
    responses(
        (status = 200, description = "The rows are in the table", body = IngestAnswer),
        (status = 400, description = "The body is not what its format says", body = Problem),
        (status = 404, description = "There is no such table to append to", body = Problem),
        (status = 409, description = "The table exists, or keeps changing", body = Problem),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 415, description = "The format is not known", body = Problem),
        (status = 422, description = "The rows do not fit the table; nothing was written", body = Problem),
        (status = 503, description = "catalogd or the warehouse's store does not answer", body = Problem),
        (status = 507, description = "The disk is full; nothing was written", body = Problem),
    )
)]
async fn ingest(
    State(ingestd): State<Ingestd>,
    Ctx(ctx): Ctx,
    Query(params): Query<IngestParams>,
    headers: HeaderMap,
    body: Body,
) -> service::Result<Json<IngestAnswer>> {
    let request = load_request(&params, &headers)?;
    let encoding = encoding(&headers)?;
    let Ok(permit) = Arc::clone(&ingestd.loads).try_acquire_owned() else {
        return Err(ApiError::new(
            ErrorCode::Overloaded,
            "ingestd.max_loads bodies are being loaded already",
        ));
    };
    let body = body.into_data_stream();
    let is_keyed = request.idempotency_key.is_some();
    let spool = Spool::receive(body, encoding, &ingestd.spool_dir, ingestd.max_body_bytes, is_keyed).await?;
    let (loader, jobs) = (Arc::clone(&ingestd.loader), ingestd.jobs.clone());
    // A task of its own: a caller who hangs up must not cut a commit in half.
    let loading = ingestd.env.tasks.spawn(async move {
        let _permit = permit;
        let answer = loader.load(&ctx, &request, Arc::new(spool)).await;
        jobs.table_changed(&request.table);
        answer
    });
    let mut answer = loading.await.map_err(ApiError::internal)??;
    answer.rejects_url = answer.rejects_url.map(|path| behind_prefix(&headers, path));
    Ok(Json(answer))
}

/// A path of ours as the caller reaches it.
fn behind_prefix(headers: &HeaderMap, path: String) -> String {
    match headers.get(FORWARDED_PREFIX).and_then(|prefix| prefix.to_str().ok()) {
        Some(prefix) => format!("{prefix}{path}"),
        None => path,
    }
}

fn load_request(params: &IngestParams, headers: &HeaderMap) -> Result<LoadRequest, ApiError> {
    Ok(LoadRequest {
        table: params.table.parse().map_err(ApiError::invalid)?,
        mode: params.mode,
        format: params.format.map_or_else(|| format_of(headers), Ok)?,
        on_error: params.on_error,
        max_errors: params.max_errors,
        dry_run: params.dry_run,
        idempotency_key: idempotency_key(headers)?,
    })
}

/// The `Idempotency-Key`, if there is one.
///
/// # Errors
/// 400 for one that cannot be a key.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let key = headers.get(IDEMPOTENCY_KEY).map(|key| key.to_str().unwrap_or_default().to_owned());
    if let Some(key) = &key {
        check_key(key).map_err(ApiError::invalid)?;
    }
    Ok(key)
}

/// How the body is written, by its `Content-Type`.
///
/// # Errors
/// 415 for one that says nothing about rows.
pub(super) fn format_of(headers: &HeaderMap) -> Result<IngestFormat, ApiError> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "text/csv" | "application/csv" => Ok(IngestFormat::Csv),
        "text/tab-separated-values" => Ok(IngestFormat::Tsv),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/jsonlines" => {
            Ok(IngestFormat::Ndjson)
        }
        "application/json" => Ok(IngestFormat::Json),
        "application/vnd.apache.parquet" | "application/x-parquet" | "application/parquet" => {
            Ok(IngestFormat::Parquet)
        }
        other => Err(ApiError::new(
            ErrorCode::UnsupportedMediaType,
            format!(
                "Content-Type {other:?} says nothing about rows; send text/csv, application/x-ndjson, \
                 application/json or application/vnd.apache.parquet, or add format=csv|tsv|ndjson|json|parquet"
            ),
        )),
    }
}

/// How the body is compressed.
///
/// # Errors
/// 415 for an encoding that is not known.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let value =
        headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    match value.as_deref() {
        None | Some("" | "identity") => Ok(Encoding::Identity),
        Some("gzip" | "x-gzip") => Ok(Encoding::Gzip),
        Some("zstd") => Ok(Encoding::Zstd),
        Some(other) => {
            let detail = format!("Content-Encoding {other:?} is not supported; send gzip, zstd or none");
            Err(ApiError::new(ErrorCode::UnsupportedMediaType, detail))
        }
    }
}

impl From<SpoolError> for ApiError {
    fn from(error: SpoolError) -> Self {
        let detail = error.to_string();
        match error {
            SpoolError::Interrupted(_) | SpoolError::Damaged(..) => Self::invalid(detail),
            SpoolError::TooLarge(_) | SpoolError::Bomb => Self::new(ErrorCode::PayloadTooLarge, detail),
            SpoolError::Io(cause) if Outage::of(&cause) == Some(Outage::Full) => {
                Self::new(ErrorCode::InsufficientStorage, "no space is left to spool the body")
            }
            SpoolError::Io(_) => Self::internal(error),
        }
    }
}
