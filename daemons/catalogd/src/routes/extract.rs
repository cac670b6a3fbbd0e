//! Extractors whose rejections are errors of Iceberg REST.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use ledger::idempotency;
use serde::de::DeserializeOwned;
use service::{ApiError, JsonBody};
use wire::ErrorCode;
use wire::context::IDEMPOTENCY_KEY;

use crate::catalog::RequestKey;
use crate::{CatalogError, Namespace, TableName};

/// A JSON body, whatever its content type is said to be.
pub(crate) struct IcebergJson<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for IcebergJson<T> {
    type Rejection = CatalogError;

    async fn from_request(request: Request, state: &S) -> Result<Self, CatalogError> {
        let body = JsonBody::from_request(request, state).await.map_err(bad_body)?;
        body.parse().map(Self).map_err(bad_body)
    }
}

/// A JSON body, with the key under which it came.
pub(crate) struct KeyedJson<T>(pub(crate) T, pub(crate) Option<RequestKey>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for KeyedJson<T> {
    type Rejection = CatalogError;

    async fn from_request(request: Request, state: &S) -> Result<Self, CatalogError> {
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let body = JsonBody::from_request(request, state).await.map_err(bad_body)?;
        let key = request_key(&parts, body.as_bytes())?;
        Ok(Self(body.parse().map_err(bad_body)?, key))
    }
}

/// The key of a request without a body.
pub(crate) struct Key(pub(crate) Option<RequestKey>);

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = CatalogError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, CatalogError> {
        request_key(parts, &[]).map(Self)
    }
}

fn request_key(parts: &Parts, body: &[u8]) -> Result<Option<RequestKey>, CatalogError> {
    let Some(value) = parts.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    idempotency::check_key(key).map_err(CatalogError::BadRequest)?;
    let request = (parts.method.as_str(), parts.uri.to_string(), body);
    let fingerprint =
        idempotency::fingerprint(&request).map_err(|error| CatalogError::BadRequest(error.to_string()))?;
    Ok(Some(RequestKey { key: key.to_owned(), fingerprint }))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err asks for")]
fn bad_body(error: ApiError) -> CatalogError {
    match error.code() {
        ErrorCode::PayloadTooLarge => CatalogError::TooLarge(error.detail().to_owned()),
        _ => CatalogError::BadRequest(error.detail().to_owned()),
    }
}

/// Parameters in the query of the URL.
pub(crate) struct IcebergQuery<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for IcebergQuery<T> {
    type Rejection = CatalogError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, CatalogError> {
        let Query(value) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| CatalogError::BadRequest(rejection.body_text()))?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Namespace {
    type Rejection = CatalogError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, CatalogError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(bad_path)?;
        Self::from_path(&text)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for TableName {
    type Rejection = CatalogError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, CatalogError> {
        let Path((namespace, name)) =
            Path::<(String, String)>::from_request_parts(parts, state).await.map_err(bad_path)?;
        Self::new(Namespace::from_path(&namespace)?, name)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err asks for")]
fn bad_path(rejection: axum::extract::rejection::PathRejection) -> CatalogError {
    CatalogError::BadRequest(rejection.body_text())
}
