//! Which providers answer.

use llm::Chat;
use llm::Kind;

use crate::server::{Server, nobody};
use crate::{chat, provider, request};

const TAGS: &str = r#"{"models":[{"name":"llama3.2:latest","model":"llama3.2:latest","size":2019393189,
    "details":{"format":"gguf"}},{"name":"qwen3:0.6b","model":"qwen3:0.6b"}]}"#;
const MODELS: &str =
    r#"{"object":"list","data":[{"id":"gpt-oss","object":"model","created":1,"owned_by":"x"}]}"#;

#[tokio::test]
async fn survey_tells_the_reachable_from_those_that_are_not_and_why() {
    let (ollama, openai) = (Server::listing(TAGS).await, Server::listing(MODELS).await);
    let providers = [
        provider("a", Kind::Ollama, &ollama.url, &[]),
        provider("b", Kind::OpenAi, &format!("{}/v1/", openai.url), &["gpt-oss"]),
        provider("c", Kind::Ollama, &nobody(), &[]),
    ];
    let [a, b, c] = <[_; 3]>::try_from(chat(&providers).survey().await).unwrap();
    assert_eq!(a.models, ["llama3.2:latest", "qwen3:0.6b"]);
    assert_eq!((b.models, b.kind.as_str()), (vec!["gpt-oss".to_owned()], "openai"));
    assert!(a.reachable && b.reachable && a.latency_ms.is_some_and(|ms| ms > 0.0));
    assert!(!c.reachable && c.latency_ms.is_none());
    assert!(c.error.unwrap().contains("ollama serve"));
}

#[tokio::test]
async fn request_without_a_model_takes_the_first_that_the_provider_has() {
    let server = Server::listing(TAGS).await;
    let answer =
        chat(&[provider("a", Kind::Ollama, &server.url, &[])]).complete(&request(None)).await.unwrap();
    assert_eq!(answer.model, "llama3.2:latest");
    assert_eq!(server.seen()[0]["model"], "llama3.2:latest");
}

#[test]
fn two_providers_of_one_name_are_refused_at_start() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let twice = [provider("a", Kind::Ollama, "http://x", &[]), provider("a", Kind::OpenAi, "http://y", &[])];
    assert!(Chat::new(&twice, &[], None).unwrap_err().to_string().contains("\"a\""));
}
