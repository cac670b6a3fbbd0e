//! `POST /v1/embeddings`, as OpenAI's clients call it.

use std::sync::Arc;

use axum::extract::State;
use service::{ApiError, Json, Result};
use wire::Problem;
use wire::embed::{
    EncodedVector, OpenAiEmbedRequest, OpenAiEmbedResponse, OpenAiEmbedUsage, OpenAiEmbedding, VectorEncoding,
};
use wire::packed::pack;

use crate::texts::TextService;

/// Turns texts into unit vectors, in OpenAI's shape.
#[utoipa::path(
    post, path = "/v1/embeddings", request_body = OpenAiEmbedRequest,
    responses((status = 200, body = OpenAiEmbedResponse), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn embeddings(
    State(service): State<Arc<TextService>>,
    Json(request): Json<OpenAiEmbedRequest>,
) -> Result<Json<OpenAiEmbedResponse>> {
    let embedded = service.embed(Some(&request.model), None, &request.input.into_texts()).await?;
    let dimension = embedded.dimension();
    if request.dimensions.is_some_and(|wanted| wanted != dimension) {
        let detail = format!("`dimensions`: vectors of {} have {dimension} and are not cut", embedded.model);
        return Err(ApiError::invalid(detail));
    }
    let encode = |vector: &embedding::Vector| match request.encoding_format {
        VectorEncoding::Float => EncodedVector::Float(vector.to_vec()),
        VectorEncoding::Base64 => EncodedVector::Base64(pack(vector)),
    };
    let data = embedded.vectors.iter().enumerate().map(|(index, vector)| OpenAiEmbedding {
        object: "embedding".into(),
        index,
        embedding: encode(vector),
    });
    let (data, usage) = (data.collect(), OpenAiEmbedUsage::default());
    Ok(Json(OpenAiEmbedResponse { object: "list".into(), data, model: embedded.model, usage }))
}
