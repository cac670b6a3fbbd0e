//! `POST /v1/embeddings`, as OpenAI's clients call it.

use std::sync::Arc;

use axum::extract::State;
use embedding::{Input, Request};
use service::{Json, Result};
use wire::Problem;
use wire::embed::{
    EncodedVector, OpenAiEmbedRequest, OpenAiEmbedResponse, OpenAiEmbedUsage, OpenAiEmbedding, OpenAiInput,
    VectorEncoding,
};
use wire::packed::pack;

use crate::texts::{TextService, truncated};

/// Turns texts into unit vectors, in OpenAI's shape.
#[utoipa::path(
    post, path = "/v1/embeddings", request_body = OpenAiEmbedRequest,
    responses((status = 200, body = OpenAiEmbedResponse), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn embeddings(
    State(service): State<Arc<TextService>>,
    Json(request): Json<OpenAiEmbedRequest>,
) -> Result<Json<OpenAiEmbedResponse>> {
    let input = Owned::from(request.input);
    let wanted = Request {
        model: Some(&request.model),
        input: input.borrowed(),
        dimensions: request.dimensions,
        ..Request::texts(&[])
    };
    let embedded = service.embed(wanted).await?;
    let encode = |vector: &[f32]| match request.encoding_format.unwrap_or_default() {
        VectorEncoding::Float => EncodedVector::Float(vector.to_vec()),
        VectorEncoding::Base64 => EncodedVector::Base64(pack(vector)),
    };
    let data = embedded.embeddings.iter().enumerate().map(|(index, embedding)| OpenAiEmbedding {
        object: "embedding".into(),
        index,
        embedding: encode(&embedding.vector),
    });
    let (data, truncated) = (data.collect(), truncated(&embedded));
    let usage = OpenAiEmbedUsage { prompt_tokens: embedded.tokens(), total_tokens: embedded.tokens() };
    Ok(Json(OpenAiEmbedResponse { object: "list".into(), data, model: embedded.model, usage, truncated }))
}

/// What a request brought, always as a list.
enum Owned {
    Texts(Vec<String>),
    Tokens(Vec<Vec<u32>>),
}

impl From<OpenAiInput> for Owned {
    fn from(input: OpenAiInput) -> Self {
        match input {
            OpenAiInput::Texts(texts) => Self::Texts(texts.into_texts()),
            OpenAiInput::Tokens(ids) => Self::Tokens(vec![ids]),
            OpenAiInput::TokenLists(lists) => Self::Tokens(lists),
        }
    }
}

impl Owned {
    fn borrowed(&self) -> Input<'_> {
        match self {
            Self::Texts(texts) => Input::Texts(texts),
            Self::Tokens(lists) => Input::Tokens(lists),
        }
    }
}
