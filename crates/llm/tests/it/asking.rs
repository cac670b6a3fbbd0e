//! How each interface is asked, what it cannot be asked, and where the key goes.

use llm::{Chat, Kind, ProviderSettings};
use serde_json::{Value, json};
use wire::ErrorCode;
use wire::chat::ChatRequest;

use crate::exchange::{Exchange, plain};
use crate::recorded::{ALL, Recorded};
use crate::{chat, keyed, provider, request};

/// Everything that a request can hold.
fn everything() -> ChatRequest {
    let request = json!({
        "model": "m", "temperature": 0.5, "top_p": 0.9, "max_tokens": 64, "seed": 7, "stop": "END",
        "tools": [{"type": "function", "function": {"name": "add", "description": "Adds.",
            "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "sum", "schema": {"type": "object"}}},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Add these."},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{\"a\":1}"},
                    "extra_content": {"google": {"thought_signature": "sig"}}},
                {"id": "c2", "type": "function", "function": {"name": "add", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "{\"sum\":3}"},
            {"role": "tool", "tool_call_id": "c2", "content": "none"},
        ],
    });
    serde_json::from_value(request).unwrap()
}

/// What a provider of this interface is sent, and with which head.
async fn sent(recorded: &Recorded, request: &ChatRequest) -> (String, Value) {
    let exchange = Exchange::serving(vec![plain("200 OK", "", recorded.whole)]).await;
    let (settings, _key) = keyed("near", recorded.kind, &exchange.url);
    chat(&[settings]).complete(request).await.unwrap();
    let asked = exchange.asked().remove(0);
    (asked.head, asked.body)
}

#[tokio::test]
async fn openai_is_sent_the_conversation_as_it_is() {
    let (head, body) = sent(&ALL[0], &everything()).await;
    assert!(
        head.starts_with("post /v1/chat/completions ") && head.contains("authorization: bearer sk-live-1")
    );
    let mut expected = serde_json::to_value(everything()).unwrap();
    assert_eq!(expected["stop"], json!(["END"]));
    expected["stream"] = json!(false);
    assert_eq!(body, expected);
}

#[tokio::test]
async fn ollama_is_sent_images_calls_and_options_in_its_own_words() {
    let (head, body) = sent(&ALL[1], &everything()).await;
    assert!(head.starts_with("post /api/chat "), "{head}");
    let tools = serde_json::to_value(everything().tools).unwrap();
    let expected = json!({
        "model": "m", "stream": false, "format": {"type": "object"}, "tools": tools,
        "options": {"temperature": 0.5, "top_p": 0.9, "num_predict": 64, "seed": 7, "stop": ["END"]},
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Add these.", "images": ["iVBORw0KGgo="]},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}},
                {"id": "c2", "function": {"name": "add", "arguments": {}}}]},
            {"role": "tool", "content": "{\"sum\":3}", "tool_name": "add", "tool_call_id": "c1"},
            {"role": "tool", "content": "none", "tool_name": "add", "tool_call_id": "c2"},
        ],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn anthropic_is_sent_turns_of_blocks_its_version_and_the_key_in_its_header() {
    let (head, body) = sent(&ALL[2], &everything()).await;
    assert!(head.starts_with("post /v1/messages "), "{head}");
    assert!(
        head.contains("x-api-key: sk-live-1") && head.contains("anthropic-version: 2023-06-01"),
        "{head}"
    );
    assert!(!head.contains("authorization"), "{head}");
    let expected = json!({
        "model": "m", "stream": false, "max_tokens": 64, "temperature": 0.5, "top_p": 0.9,
        "stop_sequences": ["END"], "system": "Be brief.",
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        "tools": [{"name": "add", "description": "Adds.",
            "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Add these."},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "add", "input": {"a": 1}},
                {"type": "tool_use", "id": "c2", "name": "add", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "{\"sum\":3}"}]},
                {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "none"}]}]},
        ],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn gemini_is_sent_turns_of_parts_with_the_signature_of_its_thoughts() {
    let request = ChatRequest { model: Some("models/a/../b".into()), ..everything() };
    let (settings, _key) = keyed("near", Kind::Gemini, "http://x/v1beta/");
    let exchange = Exchange::serving(vec![plain("200 OK", "", ALL[3].whole)]).await;
    let url = Some(format!("{}/v1beta", exchange.url));
    chat(&[ProviderSettings { url, models: Vec::new(), ..settings }]).complete(&request).await.unwrap();
    let asked = exchange.asked().remove(0);
    // The name of a model cannot lead to another path.
    assert!(asked.head.starts_with("post /v1beta/models/a%2f..%2fb:generatecontent "), "{}", asked.head);
    assert!(asked.head.contains("x-goog-api-key: sk-live-1") && !asked.head.contains("authorization"));
    let expected = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{"name": "add", "description": "Adds.",
            "parametersJsonSchema": {"type": "object", "properties": {"a": {"type": "integer"}}}}]}],
        "generationConfig": {"temperature": 0.5, "topP": 0.9, "maxOutputTokens": 64, "seed": 7,
            "stopSequences": ["END"], "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        "contents": [
            {"role": "user", "parts": [{"text": "Add these."},
                {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]},
            {"role": "model", "parts": [
                {"functionCall": {"name": "add", "args": {"a": 1}}, "thoughtSignature": "sig"},
                {"functionCall": {"name": "add", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "add", "response": {"sum": 3}}},
                {"functionResponse": {"name": "add", "response": {"result": "none"}}}]},
        ],
    });
    assert_eq!(asked.body, expected);
}

#[tokio::test]
async fn tool_choice_is_said_in_the_words_of_each_interface() {
    let named = json!({"type": "function", "function": {"name": "add"}});
    let cases = [
        (&ALL[0], json!("required"), "/tool_choice", json!("required")),
        (&ALL[0], named.clone(), "/tool_choice", named.clone()),
        (&ALL[1], json!("none"), "/tools", Value::Null),
        (&ALL[2], json!("required"), "/tool_choice", json!({"type": "any"})),
        (&ALL[2], named.clone(), "/tool_choice", json!({"type": "tool", "name": "add"})),
        (&ALL[3], json!("required"), "/toolConfig/functionCallingConfig", json!({"mode": "ANY"})),
        (&ALL[3], named, "/toolConfig/functionCallingConfig/allowedFunctionNames", json!(["add"])),
    ];
    for (recorded, choice, place, expected) in cases {
        let tool_choice = Some(serde_json::from_value(choice).unwrap());
        let (_, body) = sent(recorded, &ChatRequest { tool_choice, ..everything() }).await;
        assert_eq!(*body.pointer(place).unwrap_or(&Value::Null), expected, "{:?}", recorded.kind);
    }
}

#[tokio::test]
async fn what_an_interface_cannot_do_is_refused_by_the_name_of_the_provider_and_not_sent() {
    let far_image = json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]});
    let hi = json!([{"role": "user", "content": "Hi"}]);
    let forced = json!({"messages": hi, "tool_choice": "required", "tools": [{"function": {"name": "f"}}]});
    let no_schema = json!({"messages": hi, "response_format": {"type": "json_object"}});
    let broken_call = json!({"messages": [{"role": "assistant", "tool_calls": [
        {"id": "c", "function": {"name": "f", "arguments": "{\"a\":"}}]}]});
    let cases = [
        (&ALL[1], far_image.clone(), "data:image"),
        (&ALL[3], far_image, "data:image"),
        (&ALL[1], forced, "tool_choice"),
        (&ALL[2], no_schema, "json_schema"),
        (&ALL[2], broken_call, "arguments"),
    ];
    for (recorded, request, reason) in cases {
        let exchange = Exchange::serving(vec![plain("200 OK", "", recorded.whole)]).await;
        let (settings, _key) = keyed("near", recorded.kind, &exchange.url);
        let request: ChatRequest = serde_json::from_value(request).unwrap();
        let error = chat(&[settings]).complete(&request).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        let text = error.to_string();
        assert!(text.contains("provider near (") && text.contains(reason), "{text}");
        assert!(exchange.asked().is_empty());
    }
}

#[tokio::test]
async fn key_shows_in_no_error_and_no_debug_output() {
    let echo = r#"{"error":{"message":"Incorrect API key provided: sk-live-1."}}"#;
    for recorded in ALL {
        let exchange = Exchange::serving(vec![plain("401 Unauthorized", "", echo)]).await;
        let (settings, _key) = keyed("near", recorded.kind, &exchange.url);
        let chat = chat(std::slice::from_ref(&settings));
        let error = chat.complete(&request(None)).await.unwrap_err();
        assert!(error.to_string().contains("provided: ***"), "{error}");
        let shown = [error.to_string(), format!("{error:?}"), format!("{chat:?}"), format!("{settings:?}")];
        for text in shown.into_iter().chain([format!("{:?}", chat.survey().await)]) {
            assert!(!text.contains("sk-live-1"), "{text}");
        }
    }
}

#[test]
fn provider_without_the_key_that_it_needs_is_refused_at_start() {
    drop(rustls::crypto::ring::default_provider().install_default());
    for kind in [Kind::OllamaCloud, Kind::Anthropic, Kind::Gemini] {
        let error = Chat::new(&[provider("far", kind, "http://x", &[])], &[], None).unwrap_err().to_string();
        assert!(error.contains("far") && error.contains("api_key_env"), "{error}");
    }
}

#[test]
fn key_in_the_place_of_the_name_of_its_variable_is_refused_and_not_repeated() {
    let settings = json!({"api_key_env": "sk-ant-api03-x"});
    let error = serde_json::from_value::<ProviderSettings>(settings).unwrap_err().to_string();
    assert!(error.contains("not the key itself") && !error.contains("sk-ant"), "{error}");
}

#[tokio::test]
async fn ollama_cloud_is_ollama_with_a_bearer_key() {
    let (head, body) = sent(&Recorded { kind: Kind::OllamaCloud, ..ALL[1] }, &request(None)).await;
    assert!(
        head.starts_with("post /api/chat ") && head.contains("authorization: bearer sk-live-1"),
        "{head}"
    );
    assert_eq!(body["model"], "m");
}

#[tokio::test]
async fn every_interface_lists_its_models() {
    let lists = [
        (Kind::OpenAi, "/v1/models", r#"{"object":"list","data":[{"id":"a","object":"model"}]}"#),
        (Kind::OllamaCloud, "/api/tags", r#"{"models":[{"name":"a","model":"a"}]}"#),
        (
            Kind::Anthropic,
            "/v1/models?limit=1000",
            r#"{"data":[{"type":"model","id":"a","display_name":"A"}],"has_more":false}"#,
        ),
        (Kind::Gemini, "/v1beta/models?pagesize=1000", r#"{"models":[{"name":"models/a","version":"1"}]}"#),
    ];
    for (kind, path, body) in lists {
        let exchange = Exchange::serving(vec![plain("200 OK", "", body)]).await;
        let (settings, _key) = keyed("near", kind, &exchange.url);
        let status = chat(&[settings]).survey().await.remove(0);
        assert_eq!((status.models, status.kind.as_str()), (vec!["a".to_owned()], kind.as_str()));
        assert!(exchange.asked()[0].head.starts_with(&format!("get {path} ")), "{:?}", exchange.asked());
    }
}
