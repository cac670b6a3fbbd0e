//! Extractors whose rejections are problems like every other error.

use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::{CallContext, ErrorCode};

use crate::ApiError;

/// Room for most answers at once. A buffer that grows from nothing is copied again and again.
const TYPICAL_ANSWER_BYTES: usize = 1 << 10;

/// What this request hands to the next hop.
#[derive(Debug, Clone)]
pub struct Ctx(pub CallContext);

impl<S: Send + Sync> FromRequestParts<S> for Ctx {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let context = parts.extensions.get::<CallContext>().cloned();
        context.map(Self).ok_or_else(|| ApiError::internal(anyhow::anyhow!("no call context in the request")))
    }
}

/// A JSON body, in and out. A request without `content-type` is read as JSON too: `curl -d` sends a wrong one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        JsonBody::from_request(request, state).await?.parse().map(Self)
    }
}

/// A JSON body that has not been read yet, for routes that take several shapes.
#[derive(Debug, Clone, Default)]
pub struct JsonBody(Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::new(ErrorCode::PayloadTooLarge, "the body is larger than service.max_body_bytes")
            } else {
                ApiError::invalid(rejection.body_text())
            }
        })
    }
}

impl JsonBody {
    /// The body as it came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The body, if it is a `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        if self.is_array() { None } else { serde_json::from_slice(&self.0).ok() }
    }

    /// serde reads the members of a struct from an array too, in their order: `[]` would stand for every default.
    fn is_array(&self) -> bool {
        self.0.trim_ascii_start().first() == Some(&b'[')
    }

    /// The body as a `T`.
    ///
    /// # Errors
    /// 400 that says where the body is no `T`, and why.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        if self.is_array() {
            return Err(ApiError::invalid("the body must be a JSON object, and is an array"));
        }
        // Keeping track of the place costs an array of numbers a tenth of its time: only who needs it pays.
        self.read().map_or_else(
            || axum::Json::from_bytes(&self.0).map(|axum::Json(value)| value).map_err(explain),
            Ok,
        )
    }
}

fn explain(rejection: JsonRejection) -> ApiError {
    match rejection {
        JsonRejection::JsonDataError(error) => ApiError::invalid(error.body_text()),
        rejection => ApiError::invalid(format!("the body is not JSON: {}", rejection.body_text())),
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        let mut text = Vec::with_capacity(TYPICAL_ANSWER_BYTES);
        match serde_json::to_writer(&mut text, &self.0) {
            Ok(()) => JsonText(text).into_response(),
            Err(error) => ApiError::internal(error).into_response(),
        }
    }
}

/// A JSON body that is written already.
#[derive(Debug, Clone, Default)]
pub struct JsonText(pub Vec<u8>);

impl IntoResponse for JsonText {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], self.0).into_response()
    }
}

/// Parameters in the query of the URL.
#[derive(Debug, Clone, Copy, Default)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Query::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection: QueryRejection| ApiError::invalid(rejection.body_text()))
    }
}

/// Parameters in the path of the URL.
#[derive(Debug, Clone, Copy, Default)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Path::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Path(value)| Self(value))
            .map_err(|rejection: PathRejection| ApiError::invalid(rejection.body_text()))
    }
}
