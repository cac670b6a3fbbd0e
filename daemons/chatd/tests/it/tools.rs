//! Tools, images and forms of answers through all three shapes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};

use crate::{Daemon, events, json};

const CALL: &str = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[\
    {\"id\":\"c7\",\"function\":{\"name\":\"add\",\"arguments\":{\"a\":1}}}]},\"done\":false}\n\
    {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\
    \"prompt_eval_count\":5,\"eval_count\":2}\n";

/// An Ollama that calls a tool, and what it was asked.
async fn calling() -> (Daemon, Arc<Mutex<Vec<Value>>>) {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&asked);
    let chat = move |body: String| async move {
        let body: Value = serde_json::from_str(&body).unwrap();
        kept.lock().unwrap().push(body.clone());
        if body["stream"] == false {
            CALL.lines().next().unwrap().replace("\"done\":false", "\"done\":true")
        } else {
            CALL.to_owned()
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/api/chat", post(chat))).await });
    let provider = llm::ProviderSettings { name: "near".into(), url: Some(url), ..Default::default() };
    (Daemon::start(chatd::Config { providers: vec![provider], ..Default::default() }).await, asked)
}

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}])
}

#[tokio::test]
async fn native_stream_has_the_call_in_pieces_and_ends_with_tool_calls() {
    let (daemon, asked) = calling().await;
    let request = json!({"messages": [{"role": "user", "content": "Add"}], "model": "m", "tools": tools(), "stream": true});
    let events = events(&daemon.post("/chat", &request).await.1);
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["start", "tool_call", "end", ""]);
    let call = json!({"index": 0, "id": "c7", "type": "function", "function": {"name": "add", "arguments": "{\"a\":1}"}});
    assert_eq!(json(&events[1].1), json!({"type": "tool_call", "call": call}));
    assert_eq!(json(&events[2].1)["finish_reason"], "tool_calls");
    assert_eq!(asked.lock().unwrap()[0]["tools"], tools());
}

#[tokio::test]
async fn openai_client_gets_the_call_streamed_and_whole() {
    let (daemon, _) = calling().await;
    let mut request = json!({"messages": [{"role": "user", "content": "Add"}], "model": "m", "tools": tools(), "stream": true});
    let events = events(&daemon.post("/v1/chat/completions", &request).await.1);
    let chunks: Vec<_> =
        events.iter().filter(|(_, data)| data != "[DONE]").map(|(_, data)| json(data)).collect();
    let call = json!({"id": "c7", "type": "function", "function": {"name": "add", "arguments": "{\"a\":1}"}});
    let mut piece = chunks[1]["choices"][0]["delta"]["tool_calls"][0].clone();
    assert_eq!(piece.as_object_mut().unwrap().remove("index"), Some(json!(0)));
    assert_eq!(piece, call);
    assert_eq!(chunks[2]["choices"][0]["finish_reason"], "tool_calls");

    request["stream"] = json!(null);
    let choice = json(&daemon.post("/v1/chat/completions", &request).await.1)["choices"][0].clone();
    assert_eq!(choice["message"], json!({"role": "assistant", "content": null, "tool_calls": [call]}));
    assert_eq!(choice["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn ollama_client_gets_the_call_as_an_object_streamed_and_whole() {
    let (daemon, _) = calling().await;
    let mut request =
        json!({"messages": [{"role": "user", "content": "Add"}], "model": "m", "tools": tools()});
    let call = json!([{"id": "c7", "function": {"name": "add", "arguments": {"a": 1}}}]);
    let (_, body) = daemon.post("/api/chat", &request).await;
    let lines: Vec<_> = body.lines().map(json).collect();
    assert_eq!(lines[0]["message"]["tool_calls"], call);
    assert_eq!((&lines[1]["done"], &lines[1]["done_reason"]), (&json!(true), &json!("stop")));

    request["stream"] = json!(false);
    let answer = json(&daemon.post("/api/chat", &request).await.1);
    assert_eq!(answer["message"]["tool_calls"], call);
}

#[tokio::test]
async fn ollama_client_that_names_no_calls_has_its_results_matched() {
    let (daemon, asked) = calling().await;
    let request = json!({"model": "m", "stream": false, "format": "json", "keep_alive": 0,
        "options": {"num_ctx": 4096, "num_predict": -1, "stop": ["x"]},
        "messages": [
            {"role": "user", "content": "Look", "images": ["/9j/4AAQ"]},
            {"role": "assistant", "tool_calls": [
                {"function": {"name": "add", "arguments": {"a": 1}}}, {"function": {"name": "sub"}}]},
            {"role": "tool", "tool_name": "sub", "content": "2"},
            {"role": "tool", "content": "3"}]});
    let (status, body) = daemon.post("/api/chat", &request).await;
    assert_eq!(status, 200, "{body}");
    let asked = asked.lock().unwrap().remove(0);
    let messages = asked["messages"].as_array().unwrap();
    assert_eq!(messages[0]["images"], json!(["/9j/4AAQ"]));
    let ids: Vec<_> = messages[1]["tool_calls"].as_array().unwrap().iter().map(|call| &call["id"]).collect();
    let named: Vec<_> = messages[2..].iter().map(|m| (&m["tool_call_id"], &m["tool_name"])).collect();
    assert_eq!(named, [(ids[1], &json!("sub")), (ids[0], &json!("add"))]);
    assert_eq!((&asked["format"], &asked["options"]), (&json!("json"), &json!({"stop": ["x"]})));
}

#[tokio::test]
async fn wrong_types_are_named_and_unknown_members_let_pass() {
    let (daemon, _) = calling().await;
    let hi = json!([{"role": "user", "content": "Hi"}]);
    let cases = [
        ("/v1/chat/completions", json!({"model": "m", "messages": hi, "max_tokens": "ten"}), "max_tokens"),
        ("/v1/chat/completions", json!({"model": "m", "messages": hi, "n": 2}), "`n`"),
        ("/v1/chat/completions", json!({"model": "m", "messages": "Hi"}), "messages"),
        ("/v1/chat/completions", json!({"messages": hi}), "model"),
        ("/api/chat", json!({"model": "m", "messages": hi, "format": 5}), "format"),
        ("/api/chat", json!({"model": "m", "messages": hi, "options": {"seed": "x"}}), "seed"),
        (
            "/api/chat",
            json!({"model": "m", "messages": [{"role": "user", "content": "Hi", "images": ["x"]}]}),
            "images[0]",
        ),
    ];
    for (path, request, reason) in cases {
        let (status, body) = daemon.post(path, &request).await;
        assert_eq!(status, 400, "{request}: {body}");
        assert!(json(&body)["detail"].as_str().unwrap().contains(reason), "{request}: {body}");
    }
    let tolerated = json!({"model": "m", "messages": [{"role": "user", "content": "Hi", "weight": 1}],
        "logit_bias": {}, "user": "u", "metadata": null, "tools": null, "stop": null, "n": 1, "temperature": null});
    let (status, body) = daemon.post("/v1/chat/completions", &tolerated).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn image_that_the_provider_cannot_take_is_refused_by_its_name() {
    let (daemon, asked) = calling().await;
    let request = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]});
    let (status, body) = daemon.post("/v1/chat/completions", &request).await;
    assert_eq!(status, 400, "{body}");
    assert!(json(&body)["detail"].as_str().unwrap().contains("provider near (ollama)"), "{body}");
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn answer_that_breaks_off_says_in_every_shape_what_was_spent() {
    let stream =
        "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hello there\"},\"done\":false}\n";
    let daemon = Daemon::over(format!("http://{}", crate::ollama(stream).await)).await;
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": true});
    let native = events(&daemon.post("/chat", &request).await.1);
    let usage = json(&native.last().unwrap().1)["usage"].clone();
    assert_eq!(
        usage,
        json!({"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4, "estimated": true})
    );
    let openai = events(&daemon.post("/v1/chat/completions", &request).await.1);
    assert_eq!(json(&openai.last().unwrap().1)["usage"], usage);
    let (_, lines) = daemon.post("/api/chat", &request).await;
    let last = json(lines.lines().last().unwrap());
    assert!(last["error"].as_str().unwrap().contains("broke off"), "{last}");
    assert_eq!((&last["prompt_eval_count"], &last["eval_count"]), (&json!(1), &json!(3)));
}
