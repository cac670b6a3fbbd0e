//! `POST /api/chat` and `GET /api/tags`, as Ollama's clients call them.

mod request;

use std::convert::Infallible;
use std::sync::Arc;

use async_stream::stream;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use llm::{ChatStream, Piece, ToolCalls};
use service::{ApiError, Json};
use wire::chat::ollama::{ChatRequest, ChatResponse, FunctionCall, Message, Tag, Tags, ToolCall};
use wire::chat::{self, FinishReason, Usage};
use wire::{ErrorCode, Problem};

use super::json;
use crate::budgets::Caller;
use crate::conversation::{Conversations, api_error};

/// Answers a conversation in Ollama's shape: line by line, unless `stream` is false.
#[utoipa::path(
    post, path = "/api/chat", request_body = ChatRequest,
    responses((status = 200, body = ChatResponse), (status = 400, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn chat(
    State(conversations): State<Arc<Conversations>>,
    caller: Caller,
    Json(request): Json<ChatRequest>,
) -> Result<Response, ApiError> {
    let request = request::into_ours(request)?;
    if request.stream {
        let lines = lines(conversations.stream(&caller, &request).await?).map(Ok::<_, Infallible>);
        let ndjson = [(CONTENT_TYPE, "application/x-ndjson")];
        return Ok((ndjson, Body::from_stream(lines)).into_response());
    }
    let answer = conversations.complete(&caller, &request).await?;
    let tool_calls = calls(answer.message.tool_calls)
        .map_err(|reason| ApiError::new(ErrorCode::UpstreamFailed, reason))?;
    let message = Some(Message { tool_calls, ..said(answer.message.content.text()) });
    let last = end(&answer.model, answer.finish_reason, answer.usage);
    Ok(Json(ChatResponse { message, ..last }).into_response())
}

/// The lines of a streamed answer. Ollama's clients take tool calls whole: they come in a line of their own, at the end.
fn lines(answer: ChatStream) -> impl Stream<Item = String> {
    let ChatStream { model, mut pieces, .. } = answer;
    stream! {
        let mut gathered = ToolCalls::default();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(Piece::Text(text)) => {
                    yield written(&ChatResponse { message: Some(said(text)), ..line(&model) });
                }
                Ok(Piece::ToolCall(piece)) => gathered.push(piece),
                Ok(Piece::End { finish_reason, usage }) => match calls(std::mem::take(&mut gathered).into_calls()) {
                    Ok(tool_calls) => {
                        if !tool_calls.is_empty() {
                            let message = Some(Message { tool_calls, ..said(String::new()) });
                            yield written(&ChatResponse { message, ..line(&model) });
                        }
                        let message = Some(said(String::new()));
                        yield written(&ChatResponse { message, ..end(&model, finish_reason, usage) });
                    }
                    Err(reason) => yield written(&failure(reason, usage)),
                },
                Err(error) => yield written(&failure(api_error(&error).detail().to_owned(), error.usage())),
            }
        }
    }
}

/// Tool calls in Ollama's shape, whose arguments are an object. `Err`: the model has not written one.
fn calls(calls: Vec<chat::ToolCall>) -> Result<Vec<ToolCall>, String> {
    let calls = calls.into_iter().map(|call| {
        let chat::FunctionCall { name, arguments } = call.function;
        let text = if arguments.trim().is_empty() { "{}" } else { arguments.as_str() };
        let arguments = serde_json::from_str(text).map_err(|error| {
            format!("the model calls {name:?} with arguments that are no JSON object: {error}")
        })?;
        Ok(ToolCall { id: Some(call.id), function: FunctionCall { name, arguments } })
    });
    calls.collect()
}

fn said(content: String) -> Message {
    Message { content, ..Message::default() }
}

fn line(model: &str) -> ChatResponse {
    let created_at = Timestamp::now().to_string();
    ChatResponse { model: model.to_owned(), created_at, ..ChatResponse::default() }
}

fn end(model: &str, finish_reason: FinishReason, usage: Usage) -> ChatResponse {
    // Ollama knows no word of its own for an answer that calls tools.
    let reason = if finish_reason == FinishReason::ToolCalls { FinishReason::Stop } else { finish_reason };
    ChatResponse {
        done: true,
        done_reason: Some(reason.as_provider().to_owned()),
        prompt_eval_count: Some(usage.prompt_tokens),
        eval_count: Some(usage.completion_tokens),
        ..line(model)
    }
}

/// A line that says what went wrong, and what was spent until then.
fn failure(reason: String, usage: Usage) -> ChatResponse {
    ChatResponse {
        error: Some(reason),
        prompt_eval_count: Some(usage.prompt_tokens),
        eval_count: Some(usage.completion_tokens),
        ..ChatResponse::default()
    }
}

fn written(line: &ChatResponse) -> String {
    json(line) + "\n"
}

/// Lists the models that answering providers have, in Ollama's shape.
#[utoipa::path(get, path = "/api/tags", responses((status = 200, body = Tags)))]
pub(crate) async fn tags(State(conversations): State<Arc<Conversations>>) -> Json<Tags> {
    let models = conversations.models().await.into_iter();
    Json(Tags { models: models.map(|(name, _)| Tag { model: name.clone(), name }).collect() })
}
