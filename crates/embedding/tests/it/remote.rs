//! Providers elsewhere, played by a server in this process that answers with the bytes that the real ones send.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, HeaderMap};
use embedding::{Embedder, Error, Extent, Input, ProviderSettings, Request};
use provider::Kind;
use wire::embed::TextKind;

use crate::{embedder_with, texts};

/// Ollama 0.5's answer to two texts, shortened to four components.
const OLLAMA_OK: &str = r#"{"model":"nomic-embed-text","embeddings":[[3,0,4,0],[0.0,0.0,-20.5,0.0]],
    "total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}"#;
const OLLAMA_MISSING: &str = r#"{"error":"model \"nomic-embed-text\" not found, try pulling it first"}"#;
/// OpenAI's answer; the order of `data` is not promised.
const OPENAI_OK: &str = r#"{"object":"list","data":[
    {"object":"embedding","index":1,"embedding":[0.0,0.0,-1.0,0.0]},
    {"object":"embedding","index":0,"embedding":[0.6,0.0,0.8,0.0]}],
    "model":"nomic-embed-text","usage":{"prompt_tokens":8,"total_tokens":8}}"#;

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<(HeaderMap, serde_json::Value)>>>);

impl Seen {
    fn bodies(&self) -> Vec<serde_json::Value> {
        self.0.lock().unwrap().iter().map(|(_, body)| body.clone()).collect()
    }
}

/// A provider that answers every POST to `path` with `status` and `body`, and an embedder that knows it.
async fn provider(kind: Kind, status: u16, body: &'static str) -> (Embedder, Seen, SocketAddr) {
    let seen = Seen::default();
    let log = seen.clone();
    let answer = move |headers: HeaderMap, request: String| async move {
        log.0.lock().unwrap().push((headers, serde_json::from_str(&request).unwrap()));
        (StatusCode::from_u16(status).unwrap(), body)
    };
    let path = if kind == Kind::Ollama { "/api/embed" } else { "/v1/embeddings" };
    let router = Router::new().route(path, axum::routing::post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (embedder_with(vec![settings(kind, format!("http://{address}/"))]).unwrap(), seen, address)
}

fn settings(kind: Kind, url: String) -> ProviderSettings {
    ProviderSettings {
        name: "far".into(),
        kind,
        url,
        models: vec!["nomic-embed-text".into()],
        timeout_ms: 2000,
        ..ProviderSettings::default()
    }
}

fn by_nomic(texts: &[String]) -> Request<'_> {
    Request { model: Some("nomic-embed-text"), ..Request::texts(texts) }
}

async fn embed_two(embedder: &Embedder) -> Result<Vec<Vec<f32>>, Error> {
    let embedded = embedder.embed(by_nomic(&texts(["a", "b"]))).await?;
    Ok(embedded.embeddings.iter().map(|embedding| embedding.vector.to_vec()).collect())
}

#[tokio::test]
async fn vectors_of_both_interfaces_arrive_in_order_and_with_unit_length() {
    for (kind, body) in [(Kind::Ollama, OLLAMA_OK), (Kind::OpenAi, OPENAI_OK)] {
        let (embedder, _, _) = provider(kind, 200, body).await;
        let vectors = embed_two(&embedder).await.unwrap();
        assert_eq!(vectors, [[0.6, 0.0, 0.8, 0.0], [0.0, 0.0, -1.0, 0.0]], "{kind:?}");
    }
}

#[tokio::test]
async fn tokens_that_the_provider_counted_are_reported() {
    for (kind, body) in [(Kind::Ollama, OLLAMA_OK), (Kind::OpenAi, OPENAI_OK)] {
        let (embedder, _, _) = provider(kind, 200, body).await;
        let embedded = embedder.embed(by_nomic(&texts(["a", "bcd"]))).await.unwrap();
        assert_eq!(embedded.tokens(), 8, "{kind:?}");
    }
}

#[tokio::test]
async fn tokens_are_passed_on_to_openai_and_refused_for_ollama() {
    let lists = [vec![1, 2], vec![3]];
    let request = || Request { input: Input::Tokens(&lists), ..by_nomic(&[]) };
    let (embedder, seen, _) = provider(Kind::OpenAi, 200, OPENAI_OK).await;
    embedder.embed(request()).await.unwrap();
    assert_eq!(seen.bodies()[0]["input"], serde_json::json!([[1, 2], [3]]));
    let (embedder, seen, _) = provider(Kind::Ollama, 200, OLLAMA_OK).await;
    let refused = embedder.embed(request()).await.unwrap_err();
    assert!(matches!(refused, Error::TokensNotTaken { .. }), "{refused}");
    assert!(seen.bodies().is_empty());
}

#[tokio::test]
async fn ollama_is_told_not_to_cut_off_in_silence_and_the_text_that_is_too_long_is_found() {
    let answer = |request: String| async move {
        let request: serde_json::Value = serde_json::from_str(&request).unwrap();
        let inputs = request["input"].as_array().unwrap();
        let is_long = inputs.iter().any(|input| input.as_str().unwrap().len() > 10);
        if is_long && request["truncate"] == false {
            let error = r#"{"error":"the input length exceeds the context length"}"#;
            return (StatusCode::BAD_REQUEST, error.to_owned());
        }
        let answer =
            serde_json::json!({"embeddings": vec![[0.6, 0.8]; inputs.len()], "prompt_eval_count": 4});
        (StatusCode::OK, answer.to_string())
    };
    let router = Router::new().route("/api/embed", axum::routing::post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let embedder = embedder_with(vec![settings(Kind::Ollama, url)]).unwrap();
    let ask = texts(["short", "longer than it reads", "brief"]);
    let embedded = embedder.embed(by_nomic(&ask)).await.unwrap();
    let extents: Vec<_> = embedded.embeddings.iter().map(|embedding| embedding.extent).collect();
    assert_eq!(extents, [Extent::Whole, Extent::Cut(None), Extent::Whole]);
    let refused = embedder.embed(Request { truncate: false, ..by_nomic(&ask) }).await.unwrap_err();
    assert!(matches!(refused, Error::TooLong { index: 1, .. }), "{refused}");
}

#[tokio::test]
async fn kind_of_text_chooses_the_prefix_and_no_kind_sends_the_text_as_it_is() {
    let (embedder, seen, _) = provider(Kind::Ollama, 200, OLLAMA_OK).await;
    for kind in [None, Some(TextKind::Query), Some(TextKind::Document)] {
        embedder.embed(Request { kind, ..by_nomic(&texts(["a", "b"])) }).await.unwrap();
    }
    let inputs: Vec<_> = seen.bodies().into_iter().map(|body| body["input"][0].clone()).collect();
    assert_eq!(inputs, ["a", "search_query: a", "search_document: a"]);
    assert_eq!(seen.bodies()[0]["model"], "nomic-embed-text");
}

#[tokio::test]
async fn prefix_in_the_configuration_wins_over_the_registry() {
    let (_, seen, address) = provider(Kind::Ollama, 200, OLLAMA_OK).await;
    let url = format!("http://{address}");
    let own = ProviderSettings { query_prefix: Some(String::new()), ..settings(Kind::Ollama, url) };
    let embedder = embedder_with(vec![own]).unwrap();
    for kind in [TextKind::Query, TextKind::Document] {
        embedder.embed(Request { kind: Some(kind), ..by_nomic(&texts(["a", "b"])) }).await.unwrap();
    }
    let inputs: Vec<_> = seen.bodies().into_iter().map(|body| body["input"][0].clone()).collect();
    assert_eq!(inputs, ["a", "search_document: a"]);
}

#[tokio::test]
async fn model_that_the_provider_lacks_is_named_with_the_next_step() {
    let (embedder, _, address) = provider(Kind::Ollama, 404, OLLAMA_MISSING).await;
    let error = embed_two(&embedder).await.unwrap_err().to_string();
    assert!(error.contains(&format!("http://{address}/api/embed")), "{error}");
    assert!(error.contains("`ollama pull nomic-embed-text`"), "{error}");
}

#[tokio::test]
async fn provider_that_is_down_is_named_with_its_url_and_the_next_step() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let embedder = embedder_with(vec![settings(Kind::Ollama, url.clone())]).unwrap();
    let error = embed_two(&embedder).await.unwrap_err();
    assert!(matches!(error, Error::Provider(provider::Error::Unreachable { .. })), "{error}");
    for part in ["provider far", &url, "`ollama serve`"] {
        assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
    }
}

#[tokio::test]
async fn provider_that_does_not_answer_in_time_is_given_up() {
    // Accepts connections, as the system does for a listener, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let settings = ProviderSettings { timeout_ms: 50, ..settings(Kind::OpenAi, url) };
    let error = embed_two(&embedder_with(vec![settings]).unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Provider(provider::Error::TimedOut { timeout_ms: 50, .. })), "{error}");
}

#[tokio::test]
async fn answer_that_breaks_the_interface_is_refused_whole() {
    let cases = [
        (Kind::Ollama, r#"{"embeddings":[[1,0]]}"#, "1 vectors for 2 texts"),
        (Kind::Ollama, r#"{"embeddings":[[1,0],[1,0,0]]}"#, "dimension 3, expected 2"),
        (Kind::Ollama, r#"{"embeddings":[[],[]]}"#, "dimension 0"),
        (Kind::Ollama, r#"{"embeddings":[[1,0],[0,0]]}"#, "zero or not finite"),
        (Kind::Ollama, r#"{"embeddings":[[1,0],[0,1e39]]}"#, ""),
        (Kind::Ollama, r#"{"embeddings":[[1,0"#, "EOF"),
        (Kind::Ollama, "<html>proxy</html>", "expected value"),
        (Kind::OpenAi, r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#, "0, 1, 2"),
        (Kind::OpenAi, r#"{"data":[{"index":0,"embedding":"AAA="},{"index":1,"embedding":[1]}]}"#, "base64"),
    ];
    for (kind, body, reason) in cases {
        let (embedder, _, _) = provider(kind, 200, body).await;
        let error = embed_two(&embedder).await.unwrap_err();
        assert!(matches!(error, Error::Provider(provider::Error::Malformed { .. })), "{body}: {error}");
        assert!(error.to_string().contains(reason), "{body}: {error}");
    }
}

#[tokio::test]
async fn refusal_carries_status_and_text_of_the_provider() {
    let body = r#"{"error":{"message":"Rate limit reached","type":"requests"}}"#;
    let (embedder, _, _) = provider(Kind::OpenAi, 429, body).await;
    let error = embed_two(&embedder).await.unwrap_err();
    assert!(error.to_string().contains("answered 429: Rate limit reached"), "{error}");
    let Error::Provider(error) = error else { panic!("{error}") };
    assert_eq!(error.code(), wire::ErrorCode::Overloaded);
}

#[tokio::test]
async fn key_is_sent_as_a_bearer_token_and_many_texts_in_bounded_calls() {
    let (_, seen, address) = provider(Kind::Ollama, 200, OLLAMA_OK).await;
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "sk-test\n").unwrap();
    let settings = ProviderSettings {
        api_key_file: Some(key),
        batch_texts: 2,
        ..settings(Kind::Ollama, format!("http://{address}"))
    };
    let embedder = embedder_with(vec![settings]).unwrap();
    let four = texts(["a", "b", "c", "d"]);
    assert_eq!(embedder.embed(by_nomic(&four)).await.unwrap().embeddings.len(), 4);
    let seen = seen.0.lock().unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].1["input"], serde_json::json!(["c", "d"]));
    assert_eq!(seen[0].0[AUTHORIZATION], "Bearer sk-test");
}

#[tokio::test]
async fn provider_that_cannot_work_is_refused_at_start() {
    let url = || "http://127.0.0.1:1".to_owned();
    let cases = [
        (settings(Kind::Ollama, "127.0.0.1:11434".into()), "`url`"),
        (settings(Kind::Ollama, "ftp://x".into()), "http://"),
        (
            ProviderSettings {
                api_key_env: Some("NOT_SET_ANYWHERE".into()),
                ..settings(Kind::OpenAi, url())
            },
            "NOT_SET",
        ),
        (
            ProviderSettings { models: vec!["all-MiniLM-L6-v2".into()], ..settings(Kind::OpenAi, url()) },
            "twice",
        ),
    ];
    for (settings, reason) in cases {
        let error = embedder_with(vec![settings]).err().unwrap().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
