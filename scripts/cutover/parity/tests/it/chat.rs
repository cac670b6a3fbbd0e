//! The chat probe: llama.cpp by itself and behind chatd; and answers that are not as they should be.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::{Value, json};
use testkit::{LlamaServer, Stack};
use wire::DaemonName::{Chatd, Gateway};

use crate::support::{NOWHERE, answering, listening, probe};

const MODEL: [&str; 2] = ["--model", "m"];

#[tokio::test(flavor = "multi_thread")]
async fn chatd_before_llama_cpp_keeps_what_the_shape_promises_as_llama_cpp_does() {
    let Some(server) = LlamaServer::start_or_skip("parity of chat").await.unwrap() else { return };
    let provider = format!(r#"[{{name="llama",kind="openai",url="{}"}}]"#, server.url());
    let stack = Stack::of(&[Chatd, Gateway]).env_of(Chatd, "LAKEHOUSE_CHATD__PROVIDERS", provider);
    let stack = stack.start().await.unwrap();
    let theirs = format!("{}/v1/chat/completions", server.url());
    let ours = stack.gateway().unwrap().url("/v1/chat/completions");
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--model", LlamaServer::MODEL, "--max-tokens", "16"];
    let (status, verdict) = probe("chat", [&theirs, &ours], folder.path(), &arguments).await;
    assert_eq!((status, &verdict["outcome"]), (Some(0), &json!("PASS")), "{verdict:#}");
    let rows = verdict["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6, "{verdict:#}");
    assert!(rows.iter().all(|row| row["evidence"]["right"]["chars"].as_u64() > Some(0)), "{verdict:#}");
    stack.assert_quiet(&[]).unwrap();
}

fn whole(text: &str) -> Value {
    json!({"id": "c1", "object": "chat.completion", "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}})
}

/// The events of a stream: role, two pieces, end, usage, `[DONE]`.
fn streamed(text: &str) -> Vec<String> {
    let chunk = |choices: Value| json!({"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": choices});
    let piece = |delta: Value| chunk(json!([{"index": 0, "delta": delta, "finish_reason": null}]));
    let (first, second) = text.split_at(1);
    let mut usage = chunk(json!([]));
    usage["usage"] = json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9});
    let chunks = [
        piece(json!({"role": "assistant", "content": ""})),
        piece(json!({"content": first})),
        piece(json!({"content": second})),
        chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}])),
        usage,
    ];
    chunks.iter().map(Value::to_string).chain(["[DONE]".to_owned()]).collect()
}

/// An endpoint that gives one answer to what asks for a stream, and one to all else.
async fn speaking(whole: Value, events: &[String]) -> String {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let answer = move |axum::Json(request): axum::Json<Value>| async move {
        if request["stream"] == true {
            ([(CONTENT_TYPE, "text/event-stream")], stream).into_response()
        } else {
            axum::Json(whole).into_response()
        }
    };
    listening(Router::new().fallback(post(answer))).await
}

/// An answer without a member.
fn without(mut answer: Value, member: &str) -> Value {
    answer.as_object_mut().unwrap().remove(member);
    answer
}

/// The events of a stream but for one of them.
fn but_for(place: usize) -> Vec<String> {
    let mut events = streamed("Hi there.");
    events.remove(place);
    events
}

/// An answer, the events of a stream, and what is wrong with one of them.
fn wrong_answers() -> [(Value, Vec<String>, &'static str); 7] {
    let (good, stream) = (|| whole("Hi there."), || streamed("Hi there."));
    let mut broken_off = but_for(5);
    broken_off[4] = json!({"error": {"message": "out of memory"}}).to_string();
    [
        (without(good(), "usage"), stream(), "`usage`"),
        (without(good(), "choices"), stream(), "`choices`"),
        (good(), but_for(0), "role"),
        (good(), but_for(3), "`finish_reason`"),
        (good(), but_for(4), "`usage`"),
        (good(), but_for(5), "[DONE]"),
        (good(), broken_off, "out of memory"),
    ]
}

#[tokio::test]
async fn promise_that_the_right_breaks_fails_with_its_name() {
    let left = speaking(whole("Hi there."), &streamed("Hi there.")).await;
    let folder = tempfile::tempdir().unwrap();
    for (answer, events, cause) in wrong_answers() {
        let right = speaking(answer, &events).await;
        let (status, verdict) = probe("chat", [&left, &right], folder.path(), &MODEL).await;
        assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{cause}: {verdict:#}");
        let said = verdict["cause"].as_str().unwrap();
        assert!(said.starts_with("right") && said.contains(cause), "{cause}: {verdict:#}");
    }
}

#[tokio::test]
async fn promise_that_only_the_left_breaks_is_remarked() {
    let folder = tempfile::tempdir().unwrap();
    let right = speaking(whole("Hi there."), &streamed("Hi there.")).await;
    let left = speaking(whole("Hi there."), &but_for(4)).await;
    let (status, verdict) = probe("chat", [&left, &right], folder.path(), &MODEL).await;
    assert_eq!((status, &verdict["outcome"]), (Some(0), &json!("PASS")), "{verdict:#}");
    let remarks = verdict["remarks"].as_array().unwrap();
    assert_eq!(remarks.len(), 1, "{verdict:#}");
    assert!(remarks[0].as_str().unwrap().starts_with("Left: `usage`"), "{verdict:#}");
}

#[tokio::test]
async fn text_that_differs_is_remarked_with_its_equal_beginning_and_fails_where_it_must_be_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let left = speaking(whole("Hi there."), &streamed("Hi there.")).await;
    let right = speaking(whole("Hi them."), &streamed("Hi there.")).await;
    let (status, verdict) = probe("chat", [&left, &right], folder.path(), &MODEL).await;
    assert_eq!((status, &verdict["outcome"]), (Some(0), &json!("PASS")), "{verdict:#}");
    let remarks = verdict["remarks"].as_array().unwrap();
    assert_eq!(remarks.len(), 3, "the three that are whole: {verdict:#}");
    assert!(remarks[0].as_str().unwrap().contains("equal up to character 6, of 9"), "{verdict:#}");

    let strict = [MODEL[0], MODEL[1], "--same-text"];
    let (status, verdict) = probe("chat", [&left, &right], folder.path(), &strict).await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert!(verdict["cause"].as_str().unwrap().contains("equal up to character 6"), "{verdict:#}");
    let (status, verdict) = probe("chat", [&left, &left], folder.path(), &strict).await;
    assert_eq!((status, &verdict["outcome"]), (Some(0), &json!("PASS")), "{verdict:#}");
}

#[tokio::test]
async fn chat_is_not_compared_with_nobody_and_a_refusal_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let right = speaking(whole("Hi there."), &streamed("Hi there.")).await;
    let (status, verdict) = probe("chat", [NOWHERE, &right], folder.path(), &MODEL).await;
    assert_eq!((status, &verdict["outcome"]), (Some(3), &json!("SKIPPED")), "{verdict:#}");
    let refusing = answering(StatusCode::NOT_FOUND, json!({"error": "no model m"})).await;
    let (status, verdict) = probe("chat", [&refusing, &right], folder.path(), &MODEL).await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert!(verdict["cause"].as_str().unwrap().contains("no model m"), "{verdict:#}");
}
