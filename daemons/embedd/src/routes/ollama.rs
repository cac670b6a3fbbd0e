//! `POST /api/embed`, as Ollama's clients call it.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use embedding::Request;
use service::{Json, Result};
use wire::Problem;
use wire::embed::{OllamaEmbedRequest, OllamaEmbedResponse};

use crate::texts::{TextService, truncated};

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
    let texts = request.input.into_texts();
    let wanted = Request {
        model: Some(&request.model),
        truncate: request.truncate.unwrap_or(true),
        dimensions: request.dimensions,
        ..Request::texts(&texts)
    };
    let embedded = service.embed(wanted).await?;
    let embeddings = embedded.embeddings.iter().map(|embedding| embedding.vector.to_vec()).collect();
    let (prompt_eval_count, truncated) = (embedded.tokens(), truncated(&embedded));
    let total_duration = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let model = embedded.model;
    Ok(Json(OllamaEmbedResponse {
        model,
        embeddings,
        total_duration,
        load_duration: 0,
        prompt_eval_count,
        truncated,
    }))
}
