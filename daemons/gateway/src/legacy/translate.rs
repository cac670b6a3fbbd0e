//! A call whose fields have other names on the way in and out.

use axum::body::{Body, HttpBody, to_bytes};
use axum::http::Response;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_LENGTH};
use axum::http::request::Parts;
use service::{ApiError, JsonBody};
use wire::{CallContext, ErrorCode};

use super::adapter::Adapter;
use crate::forward::Target;

/// The largest answer that is translated: 1,024 vectors of 4,096 numbers.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Asks the native route in its own words, and answers in those of the legacy one. A refusal passes through as it is.
pub(crate) async fn translate(
    adapter: &Adapter,
    target: &Target,
    ctx: &CallContext,
    mut parts: Parts,
    body: &JsonBody,
) -> Result<Response<Body>, ApiError> {
    let request = adapter.native_request(body.parse()?)?;
    let request = serde_json::to_vec(&request).map_err(ApiError::internal)?;
    parts.headers.remove(CONTENT_LENGTH);
    // The answer has to be read here.
    parts.headers.remove(ACCEPT_ENCODING);
    let answer = target.pass(ctx, parts, Body::from(request)).await?;
    if !answer.status().is_success() {
        return Ok(answer);
    }
    let (mut head, body) = answer.into_parts();
    if body.size_hint().lower() > MAX_ANSWER_BYTES {
        let detail = format!(
            "the answer has more than {MAX_ANSWER_BYTES} bytes: ask for less at once, or {}",
            adapter.native
        );
        return Err(ApiError::new(ErrorCode::Unprocessable, detail));
    }
    let body = to_bytes(body, MAX_ANSWER_BYTES as usize).await.map_err(|error| {
        let detail = format!("{} broke off its answer", adapter.line.daemon);
        ApiError::new(ErrorCode::PeerUnavailable, detail).caused_by(error)
    })?;
    let answer = adapter.legacy_answer(serde_json::from_slice(&body).map_err(ApiError::internal)?)?;
    head.headers.remove(CONTENT_LENGTH);
    Ok(Response::from_parts(head, serde_json::to_vec(&answer).map_err(ApiError::internal)?.into()))
}
