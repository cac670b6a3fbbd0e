//! An Anthropic that says the same to everybody: a text, a call of the tool that is offered, or a beginning without an end.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Context;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

const START: &str = r#"{"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}"#;
const TEXT: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße"}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":", 世界"}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}
{"type":"message_stop"}"#;
const CALL: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"get_weather","input":{}}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\"Köln\"}"}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}
{"type":"message_stop"}"#;
/// A stream that is asked for with these words begins and does not go on.
const ENDLESS: &str = "Never stop.";

/// A permit for every caller that has left such a stream.
type Departures = Arc<Semaphore>;

/// Starts it and returns its URL. `GET /departure` there waits until a caller leaves a stream that does not end.
pub(super) async fn start() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.context("bind a provider")?;
    let url = format!("http://{}", listener.local_addr()?);
    let models = || async { r#"{"data":[{"type":"model","id":"m"}],"has_more":false}"# };
    let router = Router::new()
        .route("/v1/messages", post(messages))
        .route("/v1/models", get(models))
        .route("/departure", get(departure))
        .with_state(Departures::new(Semaphore::new(0)));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(url)
}

async fn departure(State(departures): State<Departures>) {
    // It is never closed.
    if let Ok(permit) = departures.acquire().await {
        permit.forget();
    }
}

async fn messages(State(departures): State<Departures>, Json(request): Json<Value>) -> Body {
    let last = request["messages"].as_array().and_then(|messages| messages.last());
    let last = last.unwrap_or(&Value::Null);
    if last.to_string().contains(ENDLESS) {
        return endless(departures);
    }
    let calls = request["tools"].is_array() && last["content"][0]["type"] != "tool_result";
    if request["stream"] == true {
        let events = [START].into_iter().chain(if calls { CALL } else { TEXT }.lines());
        return events.map(frame).collect::<String>().into();
    }
    let (block, reason) = if calls {
        let input = json!({"city": "Köln"});
        (json!({"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": input}), "tool_use")
    } else {
        (json!({"type": "text", "text": "Grüße, 世界"}), "end_turn")
    };
    let usage = json!({"input_tokens": 25, "output_tokens": 9});
    json!({"content": [block], "stop_reason": reason, "usage": usage}).to_string().into()
}

/// The first word, and then nothing until the caller leaves.
fn endless(departures: Departures) -> Body {
    let departure = Departure(departures);
    let events = [START].into_iter().chain(TEXT.lines().take(2)).map(frame);
    let frames = stream::iter(events).chain(stream::pending()).map(move |frame| {
        let _until_the_stream_is_dropped = &departure;
        Ok::<_, Infallible>(frame)
    });
    Body::from_stream(frames)
}

/// Says that a stream was dropped.
struct Departure(Departures);

impl Drop for Departure {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

fn frame(event: &str) -> String {
    format!("data: {event}\n\n")
}
