//! `POST /v1/chat/completions` and `GET /v1/models`, as OpenAI's clients call them.

use std::sync::Arc;

use async_stream::stream;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use jiff::Timestamp;
use llm::{ChatStream, Piece};
use service::{ApiError, Json};
use uuid::Uuid;
use wire::Problem;
use wire::chat::openai::{
    ChatRequest, Choice, Chunk, ChunkChoice, Completion, Delta, Model, Models, OutputMessage,
};
use wire::chat::{self, ChatResponse, FinishReason, Usage};
use wire::error::openai_error;

use super::{DONE, json, server_sent_events};
use crate::budgets::Caller;
use crate::conversation::{Conversations, api_error};

/// Answers a conversation in OpenAI's shape.
#[utoipa::path(
    post, path = "/v1/chat/completions", request_body = ChatRequest,
    responses((status = 200, body = Completion), (status = 400, body = Problem), (status = 404, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn completions(
    State(conversations): State<Arc<Conversations>>,
    caller: Caller,
    Json(request): Json<ChatRequest>,
) -> Result<Response, ApiError> {
    let wants_usage = request.stream_options.is_some_and(|options| options.include_usage);
    if let Some(n) = request.n.filter(|n| *n != 1) {
        return Err(ApiError::invalid(format!(
            "`n` is {n}: one answer is all that there is, send 1 or leave it out"
        )));
    }
    let request = into_ours(request);
    if request.stream {
        let answer = conversations.stream(&caller, &request).await?;
        return Ok(server_sent_events(chunks(answer, wants_usage)));
    }
    Ok(Json(completion(conversations.complete(&caller, &request).await?)).into_response())
}

fn into_ours(request: ChatRequest) -> chat::ChatRequest {
    chat::ChatRequest {
        messages: request.messages,
        model: Some(request.model),
        provider: None,
        stream: request.stream,
        temperature: request.temperature,
        top_p: request.top_p,
        max_tokens: request.max_completion_tokens.or(request.max_tokens),
        seed: request.seed,
        stop: request.stop,
        tools: request.tools,
        tool_choice: request.tool_choice,
        response_format: request.response_format,
    }
}

fn completion(answer: ChatResponse) -> Completion {
    let (text, tool_calls) = (answer.message.content.text(), answer.message.tool_calls);
    // OpenAI writes `null` where only tools are called.
    let content = (!text.is_empty() || tool_calls.is_empty()).then_some(text);
    let message = OutputMessage { role: "assistant".into(), content, tool_calls };
    let finish_reason = Some(answer.finish_reason.as_provider().to_owned());
    Completion {
        id: new_id(),
        object: "chat.completion".into(),
        created: Timestamp::now().as_second(),
        model: answer.model,
        choices: vec![Choice { index: 0, message, finish_reason }],
        usage: Some(answer.usage),
    }
}

fn chunks(answer: ChatStream, wants_usage: bool) -> impl Stream<Item = Event> {
    let ChatStream { model, mut pieces, .. } = answer;
    let frame = Frame::new(model);
    let said = |content| Delta { content: Some(content), ..Delta::default() };
    stream! {
        yield frame.delta(Delta { role: Some("assistant".into()), ..said(String::new()) }, None);
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(Piece::Text(content)) => yield frame.delta(said(content), None),
                Ok(Piece::ToolCall(call)) => {
                    yield frame.delta(Delta { tool_calls: vec![call], ..Delta::default() }, None);
                }
                Ok(Piece::End { finish_reason, usage }) => {
                    yield frame.delta(Delta::default(), Some(finish_reason));
                    if wants_usage {
                        yield frame.chunk(&[], Some(usage));
                    }
                    yield Event::default().data(DONE);
                }
                Err(error) => yield failure(&error),
            }
        }
    }
}

/// An error in the middle of a stream, as OpenAI's clients look for it; what was spent stands beside it.
fn failure(error: &llm::Error) -> Event {
    let body = openai_error(error.code(), api_error(error).detail());
    Event::default().data(serde_json::json!({"error": body, "usage": error.usage()}).to_string())
}

/// Writes the chunks of an answer, which differ in their choices and `usage` only.
struct Frame {
    /// A chunk up to its choices, written once and not for each token.
    start: String,
}

impl Frame {
    fn new(model: String) -> Self {
        let (id, object, created) =
            (new_id(), "chat.completion.chunk".to_owned(), Timestamp::now().as_second());
        let empty = json(&Chunk { id, object, created, model, choices: Vec::new(), usage: None });
        Self { start: empty.trim_end_matches("[]}").to_owned() }
    }

    fn delta(&self, delta: Delta, end: Option<FinishReason>) -> Event {
        let finish_reason = end.map(|end| end.as_provider().to_owned());
        self.chunk(&[ChunkChoice { index: 0, delta, finish_reason }], None)
    }

    fn chunk(&self, choices: &[ChunkChoice], usage: Option<Usage>) -> Event {
        let usage = usage.map(|usage| format!(",\"usage\":{}", json(&usage))).unwrap_or_default();
        Event::default().data([&*self.start, &json(choices), &usage, "}"].concat())
    }
}

fn new_id() -> String {
    format!("chatcmpl-{}", Uuid::new_v4().simple())
}

/// Lists the models that answering providers have, in OpenAI's shape.
#[utoipa::path(get, path = "/v1/models", responses((status = 200, body = Models)))]
pub(crate) async fn models(State(conversations): State<Arc<Conversations>>) -> Json<Models> {
    let models = conversations.models().await.into_iter();
    let data = models.map(|(id, owned_by)| Model { id, object: "model".into(), owned_by }).collect();
    Json(Models { object: "list".into(), data })
}
