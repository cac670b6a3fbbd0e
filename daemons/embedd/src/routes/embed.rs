//! `POST /embed`.

use std::sync::Arc;

use axum::extract::State;
use embedding::Request;
use service::{Json, Result};
use wire::Problem;
use wire::embed::{EmbedRequest, EmbedResponse, VectorEncoding};
use wire::packed::pack;

use crate::texts::{TextService, truncated};

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
    let wanted =
        Request { model: request.model.as_deref(), kind: request.kind, ..Request::texts(&request.texts) };
    let embedded = service.embed(wanted).await?;
    let (dimension, truncated) = (embedded.dimension(), truncated(&embedded));
    let mut response =
        EmbedResponse { dimension, truncated, model: embedded.model, ..EmbedResponse::default() };
    let vectors = embedded.embeddings.iter().map(|embedding| &embedding.vector);
    match request.encoding {
        VectorEncoding::Float => response.vectors = vectors.map(|vector| vector.to_vec()).collect(),
        VectorEncoding::Base64 => response.vectors_b64 = vectors.map(|vector| pack(vector)).collect(),
    }
    Ok(Json(response))
}
