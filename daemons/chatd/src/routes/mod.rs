//! One module a shape: ours, OpenAI's, Ollama's.

pub(crate) mod chat;
pub(crate) mod ollama;
pub(crate) mod openai;

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use serde::Serialize;

/// The last event of a stream that is whole, as OpenAI's clients expect it.
const DONE: &str = "[DONE]";

/// Server-sent events, with a comment now and then while a model thinks, so that no proxy takes the connection for dead.
fn server_sent_events(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    use futures::StreamExt;
    Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default()).into_response()
}

/// `value` as JSON. What we stream has no map with keys that are not text, the one thing that JSON cannot hold.
fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
