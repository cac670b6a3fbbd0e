//! `POST /api/embed`, as Ollama's clients call it.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use service::{Json, Result};
use wire::Problem;
use wire::embed::{OllamaEmbedRequest, OllamaEmbedResponse};

use crate::texts::TextService;

/// Turns texts into unit vectors, in Ollama's shape.
#[utoipa::path(
    post, path = "/api/embed", request_body = OllamaEmbedRequest,
    responses((status = 200, body = OllamaEmbedResponse), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn embed(
    State(service): State<Arc<TextService>>,
    Json(request): Json<OllamaEmbedRequest>,
) -> Result<Json<OllamaEmbedResponse>> {
    let started = Instant::now();
    let embedded = service.embed(Some(&request.model), None, &request.input.into_texts()).await?;
    let embeddings = embedded.vectors.iter().map(|vector| vector.to_vec()).collect();
    let total_duration = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    Ok(Json(OllamaEmbedResponse { model: embedded.model, embeddings, total_duration }))
}
