//! `POST /chat` and `GET /chat/providers`.

use std::sync::Arc;

use async_stream::stream;
use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use llm::{ChatStream, Piece};
use service::{ApiError, Ctx, Json};
use wire::Problem;
use wire::chat::{BudgetsResponse, ChatEvent, ChatRequest, ChatResponse, ProvidersResponse};

use super::{DONE, json, server_sent_events};
use crate::budgets::Caller;
use crate::conversation::{Conversations, api_error};

/// Answers a conversation, whole or, with `stream`, as server-sent events.
///
/// Each event is a `ChatEvent` in JSON, its `event:` line repeating its type: `start` (provider and model), `delta` (the
/// next piece), `tool_call` (the next piece of a call), `end` (usage, finish reason), then `data: [DONE]`. An answer that breaks off ends with `error`, without
/// `[DONE]`. Closing the connection tells the provider to stop.
#[utoipa::path(
    post, path = "/chat", request_body = ChatRequest,
    responses(
        (status = 200, body = ChatResponse, description = "with `stream`: text/event-stream of ChatEvent"),
        (status = 400, body = Problem, description = "no message, too many, a parameter out of range, or one that the provider cannot serve"),
        (status = 404, body = Problem, description = "no such provider or model; the known ones are listed"),
        (status = 429, body = Problem, description = "the provider is overloaded, or a budget is spent; Retry-After says when there is room"),
        (status = 502, body = Problem, description = "the provider refused, or sent what cannot be used"),
        (status = 503, body = Problem, description = "no provider answers; each is named with the next step"),
    )
)]
pub(crate) async fn chat(
    State(conversations): State<Arc<Conversations>>,
    caller: Caller,
    Ctx(context): Ctx,
    Json(request): Json<ChatRequest>,
) -> Result<Response, ApiError> {
    if request.stream {
        let answer = conversations.stream(&caller, &request).await?;
        return Ok(server_sent_events(events(answer, context.request_id)));
    }
    Ok(Json(conversations.complete(&caller, &request).await?).into_response())
}

fn events(answer: ChatStream, request_id: String) -> impl Stream<Item = Event> {
    let ChatStream { model, provider, mut pieces } = answer;
    stream! {
        yield event(&ChatEvent::Start { model, provider });
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(Piece::Text(content)) => yield event(&ChatEvent::Delta { content }),
                Ok(Piece::ToolCall(call)) => yield event(&ChatEvent::ToolCall { call }),
                Ok(Piece::End { finish_reason, usage }) => {
                    yield event(&ChatEvent::End { finish_reason, usage });
                    yield Event::default().data(DONE);
                }
                Err(error) => {
                    let (usage, error) = (error.usage(), api_error(&error));
                    let problem = Problem::new(error.code(), error.detail(), request_id.clone());
                    yield event(&ChatEvent::Error { problem, usage });
                }
            }
        }
    }
}

fn event(event: &ChatEvent) -> Event {
    Event::default().event(event.name()).data(json(event))
}

/// Asks every provider for its models: which of them answer, how fast, and what they have.
#[utoipa::path(get, path = "/chat/providers", responses((status = 200, body = ProvidersResponse)))]
pub(crate) async fn providers(State(conversations): State<Arc<Conversations>>) -> Json<ProvidersResponse> {
    Json(ProvidersResponse { providers: conversations.survey().await })
}

/// How the budgets of callers stand.
#[utoipa::path(get, path = "/chat/budgets", responses((status = 200, body = BudgetsResponse)))]
pub(crate) async fn budgets(State(conversations): State<Arc<Conversations>>) -> Json<BudgetsResponse> {
    Json(BudgetsResponse { budgets: conversations.budgets().status() })
}
