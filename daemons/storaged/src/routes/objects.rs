//! `/storage/{key}`.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, IF_RANGE,
    LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, response};
use axum::response::{IntoResponse, Response};
use object_store::{Error, GetOptions, ObjectMeta, ObjectStoreExt, PutMode, UpdateVersion};
use objects::{Key, UploadError, put_stream};
use service::{ApiError, Json, Path, Result};
use wire::ErrorCode;
use wire::storage::StoredObject;

use crate::Storage;
use crate::error::store_error;
use crate::range::{Wanted, wanted};

/// Stores the body as an object. On 200 it is on disk, whole; otherwise the object is as it was before.
#[utoipa::path(put, path = "/storage/{*key}",
    params(
        ("key" = String, Path, description = "1 to 1,024 bytes, no segment empty, `.` or `..`"),
        ("if-none-match" = Option<String>, Header, description = "`*`: only if there is no such object yet"),
        ("if-match" = Option<String>, Header, description = "an ETag: only if the object still has it"),
    ),
    request_body(content_type = "application/octet-stream", content = Vec<u8>),
    responses(
        (status = 200, description = "stored", body = StoredObject),
        (status = 400, description = "not a key, or a condition that is not understood", body = wire::Problem),
        (status = 409, description = "the key is a folder of other objects, or one of its folders is an object", body = wire::Problem),
        (status = 412, description = "the condition does not hold", body = wire::Problem),
        (status = 413, description = "larger than storaged.max_object_bytes", body = wire::Problem),
        (status = 503, description = "the warehouse's store does not answer, or refuses access", body = wire::Problem),
        (status = 507, description = "the disk is full", body = wire::Problem),
    ))]
pub(crate) async fn put(
    State(storage): State<Storage>,
    Path(key): Path<String>,
    request: Request,
) -> Result<Response> {
    let key = parse_key(&key)?;
    let mode = put_mode(request.headers())?;
    let limit = storage.max_object_bytes;
    if content_length(request.headers()).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let body = request.into_body().into_data_stream();
    let is_create = mode == PutMode::Create;
    let stored =
        put_stream(&*storage.store, &key.path(), body, mode, limit).await.map_err(|error| match error {
            UploadError::Source(cause) => {
                ApiError::invalid("the body broke off; nothing was stored").caused_by(cause)
            }
            UploadError::TooLarge { limit } => too_large(limit),
            UploadError::Store(Error::AlreadyExists { .. }) if is_create => ApiError::new(
                ErrorCode::PreconditionFailed,
                format!("the object {:?} exists already", key.as_str()),
            ),
            UploadError::Store(error) => store_error(key.as_str(), error),
        })?;
    let etag = stored.e_tag.unwrap_or_default();
    let headers = header(ETAG, &etag)?;
    Ok(([headers], Json(StoredObject { key: key.to_string(), etag })).into_response())
}

/// Reads an object, or the part of it that `Range` asks for.
#[utoipa::path(get, path = "/storage/{*key}",
    params(
        ("key" = String, Path, description = "the object's key"),
        ("range" = Option<String>, Header, description = "`bytes=0-99`, `bytes=100-` or `bytes=-100`"),
        ("if-range" = Option<String>, Header, description = "an ETag: `Range` counts only if the object still has it"),
        ("if-none-match" = Option<String>, Header, description = "ETags, or `*`: 304 if the object has one of them"),
        ("if-match" = Option<String>, Header, description = "ETags, or `*`: 412 unless the object has one of them"),
    ),
    responses(
        (status = 200, description = "the object", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "the part", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "the object still has that ETag"),
        (status = 404, description = "no such object", body = wire::Problem),
        (status = 412, description = "the object no longer has that ETag", body = wire::Problem),
        (status = 416, description = "the object is shorter", body = wire::Problem),
    ))]
pub(crate) async fn get(
    State(storage): State<Storage>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let key = parse_key(&key)?;
    let mut options = conditions(&headers);
    if let Some(asked) = text(&headers, &RANGE) {
        let meta = storage.store.head(&key.path()).await.map_err(|error| store_error(key.as_str(), error))?;
        let applies = text(&headers, &IF_RANGE).is_none_or(|etag| Some(etag) == meta.e_tag.as_deref());
        match wanted(Some(asked).filter(|_| applies), meta.size) {
            Wanted::Whole => {}
            Wanted::Part(range) => options.range = Some(range.into()),
            Wanted::Unsatisfiable => return unsatisfiable(meta.size),
        }
    }
    let is_part = options.range.is_some();
    let object = match storage.store.get_opts(&key.path(), options).await {
        Err(Error::NotModified { .. }) => return not_modified(&storage, &key).await,
        object => object.map_err(|error| store_error(key.as_str(), error))?,
    };
    let mut builder = describe(&object.meta, object.range.end - object.range.start)?;
    if is_part {
        let range = format!("bytes {}-{}/{}", object.range.start, object.range.end - 1, object.meta.size);
        builder = builder.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, range);
    }
    builder.body(Body::from_stream(objects::into_stream(object))).map_err(ApiError::internal)
}

/// Tells an object's size, ETag and age.
#[utoipa::path(head, path = "/storage/{*key}",
    params(("key" = String, Path, description = "the object's key")),
    responses((status = 200, description = "it exists"), (status = 304, description = "the object still has that ETag"),
        (status = 404, description = "no such object"), (status = 412, description = "the object no longer has that ETag")))]
pub(crate) async fn head(
    State(storage): State<Storage>,
    Path(key): Path<String>,
    headers: HeaderMap,
) -> Result<Response> {
    let key = parse_key(&key)?;
    let options = conditions(&headers).with_head(true);
    match storage.store.get_opts(&key.path(), options).await {
        Err(Error::NotModified { .. }) => not_modified(&storage, &key).await,
        Err(error) => Err(store_error(key.as_str(), error)),
        Ok(object) => {
            describe(&object.meta, object.meta.size)?.body(Body::empty()).map_err(ApiError::internal)
        }
    }
}

/// Deletes an object. On 204 that is on disk.
#[utoipa::path(delete, path = "/storage/{*key}",
    params(("key" = String, Path, description = "the object's key")),
    responses((status = 204, description = "deleted"),
        (status = 404, description = "no such object", body = wire::Problem)))]
pub(crate) async fn delete(State(storage): State<Storage>, Path(key): Path<String>) -> Result<StatusCode> {
    let (key, failed) = (parse_key(&key)?, |key: &Key, error| store_error(key.as_str(), error));
    // S3 deletes what is not there without a word.
    storage.store.head(&key.path()).await.map_err(|error| failed(&key, error))?;
    storage.store.delete(&key.path()).await.map_err(|error| failed(&key, error))?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse_key(text: &str) -> Result<Key> {
    text.parse().map_err(|error| ApiError::invalid(format!("{text:?} is {error}")))
}

/// The condition of a put, RFC 9110 section 13.1.
fn put_mode(headers: &HeaderMap) -> Result<PutMode> {
    match (text(headers, &IF_NONE_MATCH), text(headers, &IF_MATCH)) {
        (None, None) => Ok(PutMode::Overwrite),
        (Some("*"), None) => Ok(PutMode::Create),
        (None, Some(etag)) if etag.starts_with('"') && !etag.contains(',') => {
            Ok(PutMode::Update(UpdateVersion { e_tag: Some(etag.to_owned()), version: None }))
        }
        _ => Err(ApiError::invalid("a put takes `If-None-Match: *` or `If-Match: \"one ETag\"`, not both")),
    }
}

/// The conditions of a read.
fn conditions(headers: &HeaderMap) -> GetOptions {
    GetOptions::new()
        .with_if_match(text(headers, &IF_MATCH))
        .with_if_none_match(text(headers, &IF_NONE_MATCH))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    text(headers, &CONTENT_LENGTH)?.parse().ok()
}

fn too_large(limit: u64) -> ApiError {
    let detail =
        format!("an object has at most {limit} bytes (storaged.max_object_bytes); nothing was stored");
    ApiError::new(ErrorCode::PayloadTooLarge, detail)
}

/// A 200 that describes the object, with a body of `length` bytes to come.
fn describe(meta: &ObjectMeta, length: u64) -> Result<response::Builder> {
    let etag = meta.e_tag.as_deref().unwrap_or_default();
    let (name, etag) = header(ETAG, etag)?;
    // IMF-fixdate, RFC 9110 section 5.6.7.
    let modified = meta.last_modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    Ok(Response::builder()
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_LENGTH, length)
        .header(ACCEPT_RANGES, "bytes")
        .header(LAST_MODIFIED, modified)
        .header(name, etag))
}

/// 304 carries the ETag, RFC 9110 section 15.4.5.
async fn not_modified(storage: &Storage, key: &Key) -> Result<Response> {
    let meta = storage.store.head(&key.path()).await.map_err(|error| store_error(key.as_str(), error))?;
    let etag = header(ETAG, meta.e_tag.as_deref().unwrap_or_default())?;
    Ok((StatusCode::NOT_MODIFIED, [etag]).into_response())
}

/// 416 says how long the object is, RFC 9110 section 15.5.17.
fn unsatisfiable(size: u64) -> Result<Response> {
    let range = header(CONTENT_RANGE, &format!("bytes */{size}"))?;
    let detail = format!("the object has {size} bytes");
    Ok(([range], ApiError::new(ErrorCode::RangeNotSatisfiable, detail)).into_response())
}

fn header(name: HeaderName, value: &str) -> Result<(HeaderName, HeaderValue)> {
    Ok((name, HeaderValue::from_str(value).map_err(ApiError::internal)?))
}
