//! `POST /embed`.

use std::sync::Arc;

use axum::extract::State;
use service::{Json, Result};
use wire::Problem;
use wire::embed::{EmbedRequest, EmbedResponse, VectorEncoding};
use wire::packed::pack;

use crate::texts::TextService;

/// Turns texts into unit vectors.
#[utoipa::path(
    post, path = "/embed", request_body = EmbedRequest,
    responses(
        (status = 200, body = EmbedResponse),
        (status = 400, body = Problem, description = "no text, too many, or one that is too long"),
        (status = 404, body = Problem, description = "no such model; the known ones are listed"),
        (status = 429, body = Problem, description = "too many texts are waiting"),
        (status = 503, body = Problem, description = "the model is not installed, or its provider does not answer"),
    )
)]
pub(crate) async fn embed(
    State(service): State<Arc<TextService>>,
    Json(request): Json<EmbedRequest>,
) -> Result<Json<EmbedResponse>> {
    let embedded = service.embed(request.model.as_deref(), request.kind, &request.texts).await?;
    let dimension = embedded.dimension();
    let mut response = EmbedResponse { dimension, model: embedded.model, ..EmbedResponse::default() };
    match request.encoding {
        VectorEncoding::Float => response.vectors = embedded.vectors.iter().map(|v| v.to_vec()).collect(),
        VectorEncoding::Base64 => response.vectors_b64 = embedded.vectors.iter().map(|v| pack(v)).collect(),
    }
    Ok(Json(response))
}
