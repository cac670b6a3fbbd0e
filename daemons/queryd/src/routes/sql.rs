//! `POST /sql`

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use query_engine::{Error, Parameter, Rows, SnapshotRead};
use serde::Deserialize;
use serde_json::Value;
use service::{ApiError, Ctx, Json, Query};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::sql::{SNAPSHOTS_HEADER, SqlAnswer, SqlRequest};
use wire::{CallContext, ErrorCode, Problem};

use crate::Queryd;
use crate::allocator::TellOfEnd;
use crate::encode::ResultFormat;
use crate::tables::CatalogueTables;

/// The routes that answer SQL.
pub(crate) fn router(queryd: Queryd) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(sql)).with_state(queryd)
}

/// Query of the URL.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SqlQuery {
    /// `json`, `ndjson`, `csv`, `arrow` or `parquet`; it goes before `Accept`.
    format: Option<String>,
}

/// Runs one statement that reads. The header `x-lakehouse-snapshots` names the snapshots that were read: the current ones,
/// or those that the statement asks for (`FROM ns.t FOR VERSION AS OF 123`, `FOR TIMESTAMP AS OF '2026-11-25'`).
///
/// `Accept` or `format` chooses the form: `application/json`, `application/x-ndjson`, `text/csv`,
/// `application/vnd.apache.arrow.stream` or `application/vnd.apache.parquet`. A 200 is the whole result: an error, also
/// one in the middle of the rows, is never inside it.
#[utoipa::path(
    post,
    path = "/sql",
    params(SqlQuery),
    request_body = SqlRequest,
    responses(
        (status = 200, description = "The whole result", body = SqlAnswer),
        (status = 400, description = "The SQL or a parameter is wrong, or would change something", body = Problem),
        (status = 404, description = "A table does not exist", body = Problem),
        (status = 422, description = "The query fails on the data, or exceeds a limit", body = Problem),
        (status = 429, description = "Too many queries run and wait: come again after Retry-After", body = Problem),
        (status = 501, description = "A table has row-level deletes, or files that are not Parquet", body = Problem),
        (status = 503, description = "catalogd or the warehouse's store does not answer", body = Problem),
        (status = 504, description = "The query ran too long", body = Problem),
    )
)]
async fn sql(
    State(queryd): State<Queryd>,
    Ctx(ctx): Ctx,
    Query(query): Query<SqlQuery>,
    headers: HeaderMap,
    Json(request): Json<SqlRequest>,
) -> service::Result<Response> {
    let format = match &query.format {
        Some(name) => ResultFormat::by_name(name)?,
        None => ResultFormat::negotiate(&headers),
    };
    if request.sql.len() > queryd.config.max_sql_bytes {
        let (found, most) = (request.sql.len(), queryd.config.max_sql_bytes);
        return Err(ApiError::invalid(format!("the statement has {found} bytes, at most {most} are taken")));
    }
    let parameters = request.params.into_iter().enumerate().map(|(i, value)| parameter(i + 1, value));
    let parameters = parameters.collect::<Result<Vec<_>, _>>()?;
    let _turn = queryd.admission.admit(ctx.remaining()).await?;
    let _ended = TellOfEnd(Arc::clone(&queryd.ended));
    let compute = Arc::clone(&queryd.compute);
    let run = async move { run(&queryd, ctx, &request.sql, parameters).await };
    let rows = compute.run(run).await?.map_err(into_api_error)?;
    respond(rows, format).await
}

async fn run(
    queryd: &Queryd,
    ctx: CallContext,
    sql: &str,
    parameters: Vec<Parameter>,
) -> Result<Rows, Error> {
    let timeout = Duration::from_millis(queryd.config.timeout_ms).min(ctx.remaining());
    let tables = CatalogueTables { catalogd: queryd.env.peers.catalogd(), ctx };
    let rows = queryd.engine.query(&tables, sql, parameters, timeout).await?;
    metrics::histogram!("query_result_rows").record(rows.len() as f64);
    Ok(rows)
}

/// Encodes on a thread that may take its time.
async fn respond(rows: Rows, format: ResultFormat) -> service::Result<Response> {
    let snapshots = snapshots(&rows.snapshots);
    let encoding = tokio::task::spawn_blocking(move || format.encode(&rows));
    let body = encoding.await.map_err(ApiError::internal)?.map_err(|error| {
        ApiError::new(
            ErrorCode::Unprocessable,
            format!("the result cannot be shown as {}: {error}", format.media_type()),
        )
    })?;
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if let Ok(snapshots) = HeaderValue::from_str(&snapshots) {
        headers.insert(HeaderName::from_static(SNAPSHOTS_HEADER), snapshots);
    }
    Ok(response)
}

/// `ns.table=snapshot_id`, comma-separated; a table that was never written to has no id.
fn snapshots(read: &[SnapshotRead]) -> String {
    let one = |read: &SnapshotRead| {
        format!("{}={}", read.table, read.snapshot_id.map(|id| id.to_string()).unwrap_or_default())
    };
    read.iter().map(one).collect::<Vec<_>>().join(",")
}

fn parameter(number: usize, value: Value) -> Result<Parameter, ApiError> {
    match value {
        Value::Null => Ok(Parameter::Null),
        Value::Bool(value) => Ok(Parameter::Boolean(value)),
        Value::String(value) => Ok(Parameter::Text(value)),
        Value::Number(value) => match (value.as_i64(), value.as_u64(), value.as_f64()) {
            (Some(value), ..) => Ok(Parameter::Integer(value)),
            (None, None, Some(value)) => Ok(Parameter::Float(value)),
            _ => Err(ApiError::invalid(format!("parameter ${number} does not fit in 64 bits"))),
        },
        Value::Array(_) | Value::Object(_) => Err(ApiError::invalid(format!(
            "parameter ${number} is not null, a boolean, a number or a string"
        ))),
    }
}

fn into_api_error(error: Error) -> ApiError {
    if let Some(outage) = lake::Outage::of(&error) {
        return ApiError::new(outage.code(), outage.to_string()).caused_by(format!("{error:?}"));
    }
    let detail = error.to_string();
    match error {
        Error::Invalid(_) | Error::Refused(_) => ApiError::invalid(detail),
        Error::UnknownTable { .. } => ApiError::not_found(detail),
        Error::Execution(_) | Error::Limit(_) => ApiError::new(ErrorCode::Unprocessable, detail),
        Error::Timeout(_) => ApiError::new(ErrorCode::DeadlineExceeded, detail),
        Error::Source(cause) => match cause.downcast::<client::Error>() {
            Ok(cause) => (*cause).into(),
            Err(cause) => ApiError::internal(anyhow::Error::from_boxed(cause)),
        },
        Error::Lake(lake::Error::Unsupported(detail)) => ApiError::new(ErrorCode::NotImplemented, detail),
        Error::Lake(_) | Error::Engine(_) => ApiError::internal(error),
    }
}
