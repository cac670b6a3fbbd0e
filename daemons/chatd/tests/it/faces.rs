//! The shapes of OpenAI and Ollama.

use serde_json::json;

use crate::{BROKEN, Daemon, STREAM, events, json, ollama};

async fn daemon(stream: &'static str) -> Daemon {
    Daemon::over(format!("http://{}", ollama(stream).await)).await
}

#[tokio::test]
async fn openai_client_gets_a_completion() {
    let request = json!({"model": "m", "user": "u", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]}]});
    let (status, body) = daemon(STREAM).await.post("/v1/chat/completions", &request).await;
    let body = json(&body);
    assert_eq!((status, &body["object"]), (200, &json!("chat.completion")));
    let expected =
        json!({"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"});
    assert_eq!(body["choices"], json!([expected]));
    assert_eq!(body["usage"]["total_tokens"], 7);
}

#[tokio::test]
async fn openai_client_gets_chunks_with_the_usage_it_asked_for_and_done() {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": true,
        "stream_options": {"include_usage": true}});
    let (_, body) = daemon(STREAM).await.post("/v1/chat/completions", &request).await;
    let mut events: Vec<_> = events(&body).into_iter().map(|(_, data)| data).collect();
    assert_eq!(events.pop().unwrap(), "[DONE]");
    let chunks: Vec<_> = events.iter().map(|data| json(data)).collect();
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
    let text: String =
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "Hello");
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "length");
    let last = &chunks[chunks.len() - 1];
    assert_eq!((&last["choices"], &last["usage"]["total_tokens"]), (&json!([]), &json!(7)));
}

#[tokio::test]
async fn openai_client_sees_an_error_when_the_stream_breaks_off() {
    let request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": true});
    let (_, body) = daemon(BROKEN).await.post("/v1/chat/completions", &request).await;
    let last = json(&events(&body).last().unwrap().1);
    assert_eq!(last["error"]["code"], "upstream_failed");
}

#[tokio::test]
async fn ollama_client_gets_lines_unless_it_asks_for_the_whole() {
    let daemon = daemon(STREAM).await;
    let mut request =
        json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "keep_alive": "5m"});
    let (_, body) = daemon.post("/api/chat", &request).await;
    let lines: Vec<_> = body.lines().map(json).collect();
    let text: String = lines.iter().filter_map(|line| line["message"]["content"].as_str()).collect();
    assert_eq!((lines.len(), text.as_str()), (3, "Hello"));
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["done"], &last["done_reason"], &last["eval_count"]),
        (&json!(true), &json!("length"), &json!(2))
    );

    request["stream"] = json!(false);
    let (_, body) = daemon.post("/api/chat", &request).await;
    assert_eq!((&json(&body)["message"]["content"], &json(&body)["done"]), (&json!("Hello"), &json!(true)));
}

#[tokio::test]
async fn both_listings_show_the_models_of_providers_that_answer() {
    let daemon = daemon(STREAM).await;
    let (_, models) = daemon.get("/v1/models").await;
    assert_eq!((&models["data"][1]["id"], &models["data"][1]["owned_by"]), (&json!("n"), &json!("near")));
    let (_, tags) = daemon.get("/api/tags").await;
    assert_eq!(tags["models"][0]["name"], "m");
}

#[tokio::test]
async fn openapi_document_names_every_path() {
    let (_, document) = daemon(STREAM).await.get("/openapi.json").await;
    for path in ["/chat", "/chat/providers", "/v1/chat/completions", "/v1/models", "/api/chat", "/api/tags"] {
        assert!(document["paths"].get(path).is_some(), "{path} is not in the document");
    }
}
