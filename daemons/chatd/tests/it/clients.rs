//! The official clients of OpenAI and Ollama, over a provider that speaks neither.

use axum::Router;
use axum::routing::{get, post};
use llm::Kind;
use serde_json::{Value, json};

use crate::Daemon;

/// What Anthropic sends for a text, and for a call of a tool.
const TEXT: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Grüße"}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":", 世界"}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9}}"#;
const CALL: &str = r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"get_weather","input":{}}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"city\":"}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"\"Köln\"}"}}
{"type":"content_block_stop","index":0}
{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#;

/// The stream or the whole of an answer of Anthropic's: a call of the tool that is offered, or a text if there is none or the
/// result has come.
fn answer(request: &Value) -> String {
    let last = request["messages"].as_array().unwrap().last().unwrap();
    let calls = request["tools"].is_array() && last["content"][0]["type"] != "tool_result";
    let usage = json!({"input_tokens": 25, "output_tokens": 9});
    if request["stream"] == true {
        let start = json!({"type": "message_start", "message": {"usage": usage}}).to_string();
        let body = if calls { CALL } else { TEXT };
        let events = [start.as_str()].into_iter().chain(body.lines()).chain([r#"{"type":"message_stop"}"#]);
        return events.map(|event| format!("data: {event}\n\n")).collect();
    }
    let (block, reason) = if calls {
        let input = json!({"city": "Köln"});
        (json!({"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": input}), "tool_use")
    } else {
        (json!({"type": "text", "text": "Grüße, 世界"}), "end_turn")
    };
    json!({"content": [block], "stop_reason": reason, "usage": usage}).to_string()
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn official_clients_of_openai_and_ollama_chat_stream_and_call_tools() {
    let messages = |body: String| async move { answer(&serde_json::from_str(&body).unwrap()) };
    let list = || async { r#"{"data":[{"type":"model","id":"m"}],"has_more":false}"# };
    let provider = Router::new().route("/v1/messages", post(messages)).route("/v1/models", get(list));
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "sk-live-1").unwrap();
    let settings = llm::ProviderSettings {
        name: "far".into(),
        kind: Kind::Anthropic,
        url: Some(serve(provider).await),
        api_key_file: Some(key),
        ..Default::default()
    };
    let daemon = Daemon::start(chatd::Config { providers: vec![settings], ..Default::default() }).await;
    let url = serve(daemon.router.clone()).await;

    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients.py");
    let ended = tokio::task::spawn_blocking(move || {
        testkit::python("chat-clients")?.arg(script).arg(url).output().map_err(anyhow::Error::from)
    });
    let output = ended.await.unwrap().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("both understood"), "{said}");
}
