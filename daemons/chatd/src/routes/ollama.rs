//! `POST /api/chat` and `GET /api/tags`, as Ollama's clients call them.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use llm::{ChatStream, Piece};
use service::{ApiError, Json};
use wire::Problem;
use wire::chat::ollama::{ChatRequest, ChatResponse, Tag, Tags};
use wire::chat::{self, FinishReason, Message, Role, Usage};

use crate::conversation::{Conversations, api_error};

/// Answers a conversation in Ollama's shape: line by line, unless `stream` is false.
#[utoipa::path(
    post, path = "/api/chat", request_body = ChatRequest,
    responses((status = 200, body = ChatResponse), (status = 400, body = Problem), (status = 404, body = Problem))
)]
pub(crate) async fn chat(
    State(conversations): State<Arc<Conversations>>,
    Json(request): Json<ChatRequest>,
) -> Result<Response, ApiError> {
    let request = into_ours(request);
    if request.stream {
        let lines = lines(conversations.stream(&request).await?).map(Ok::<_, Infallible>);
        let ndjson = [(CONTENT_TYPE, "application/x-ndjson")];
        return Ok((ndjson, Body::from_stream(lines)).into_response());
    }
    let answer = conversations.complete(&request).await?;
    let last = end(&answer.model, answer.finish_reason, answer.usage);
    Ok(Json(ChatResponse { message: Some(answer.message), ..last }).into_response())
}

fn into_ours(request: ChatRequest) -> chat::ChatRequest {
    let options = request.options.unwrap_or_default();
    chat::ChatRequest {
        messages: request.messages,
        model: Some(request.model),
        provider: None,
        stream: request.stream.unwrap_or(true),
        temperature: options.temperature,
        max_tokens: options.num_predict,
    }
}

fn lines(answer: ChatStream) -> impl Stream<Item = String> {
    let ChatStream { model, pieces, .. } = answer;
    pieces.map(move |piece| {
        let line = match piece {
            Ok(Piece::Text(text)) => ChatResponse { message: Some(assistant(text)), ..line(&model) },
            Ok(Piece::End { finish_reason, usage }) => {
                let message = Some(assistant(String::new()));
                ChatResponse { message, ..end(&model, finish_reason, usage) }
            }
            Err(error) => {
                ChatResponse { error: Some(api_error(&error).detail().to_owned()), ..ChatResponse::default() }
            }
        };
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    })
}

fn assistant(content: String) -> Message {
    Message { role: Role::Assistant, content }
}

fn line(model: &str) -> ChatResponse {
    let created_at = Timestamp::now().to_string();
    ChatResponse { model: model.to_owned(), created_at, ..ChatResponse::default() }
}

fn end(model: &str, finish_reason: FinishReason, usage: Usage) -> ChatResponse {
    ChatResponse {
        done: true,
        done_reason: Some(finish_reason.as_provider().to_owned()),
        prompt_eval_count: Some(usage.prompt_tokens),
        eval_count: Some(usage.completion_tokens),
        ..line(model)
    }
}

/// Lists the models that answering providers have, in Ollama's shape.
#[utoipa::path(get, path = "/api/tags", responses((status = 200, body = Tags)))]
pub(crate) async fn tags(State(conversations): State<Arc<Conversations>>) -> Json<Tags> {
    let models = conversations.models().await.into_iter();
    Json(Tags { models: models.map(|(name, _)| Tag { model: name.clone(), name }).collect() })
}
