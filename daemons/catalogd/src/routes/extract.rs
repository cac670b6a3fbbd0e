//! Extractors whose rejections are errors of Iceberg REST.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use wire::ErrorCode;

use crate::{CatalogError, Namespace, TableName};

/// A JSON body, whatever its content type is said to be.
pub(crate) struct IcebergJson<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for IcebergJson<T> {
    type Rejection = CatalogError;

    async fn from_request(request: Request, state: &S) -> Result<Self, CatalogError> {
        match service::Json::from_request(request, state).await {
            Ok(service::Json(value)) => Ok(Self(value)),
            Err(error) if error.code() == ErrorCode::PayloadTooLarge => {
                Err(CatalogError::TooLarge(error.detail().to_owned()))
            }
            Err(error) => Err(CatalogError::BadRequest(error.detail().to_owned())),
        }
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
