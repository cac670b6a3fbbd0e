//! Answers that come whole.

use llm::Error;
use llm::Kind;
use wire::ErrorCode;
use wire::chat::{FinishReason, Usage};

use crate::server::{OLLAMA_WHOLE, OPENAI_WHOLE, Server};
use crate::{chat, provider, request};

#[tokio::test]
async fn both_interfaces_give_the_same_answer() {
    for (kind, body) in [(Kind::Ollama, OLLAMA_WHOLE), (Kind::OpenAi, OPENAI_WHOLE)] {
        let server = Server::answering(200, body).await;
        let answer =
            chat(&[provider("near", kind, &server.url, &["m"])]).complete(&request(None)).await.unwrap();
        assert_eq!(answer.message.content.text(), "Hello there");
        assert_eq!((answer.model.as_str(), answer.provider.as_str()), ("m", "near"));
        assert_eq!((answer.usage, answer.finish_reason), (Usage::new(26, 2), FinishReason::Stop));

        let asked = server.seen().remove(0);
        assert_eq!(asked["stream"], false);
        assert_eq!(asked["messages"][1], serde_json::json!({"role": "user", "content": "Hello?"}));
        let limit =
            if kind == Kind::Ollama { &asked["options"]["num_predict"] } else { &asked["max_tokens"] };
        assert_eq!(*limit, 16, "{kind:?}");
    }
}

#[tokio::test]
async fn answer_that_is_none_is_an_upstream_failure() {
    let bodies = [
        (Kind::Ollama, "<html>"),
        (Kind::Ollama, r#"{"done":true}"#),
        (Kind::Ollama, r#"{"error":"llama runner process has terminated"}"#),
        (Kind::OpenAi, r#"{"choices":[]}"#),
    ];
    for (kind, body) in bodies {
        let server = Server::answering(200, body).await;
        let chat = chat(&[provider("near", kind, &server.url, &["m"])]);
        let error = chat.complete(&request(None)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::UpstreamFailed, "{body}: {error}");
        assert!(error.to_string().contains("provider near at http://"), "{error}");
    }
}

#[tokio::test]
async fn missing_model_is_named_with_the_next_step() {
    let body = r#"{"error":"model 'm' not found"}"#;
    let server = Server::answering(404, body).await;
    let chat = chat(&[provider("near", Kind::Ollama, &server.url, &["m"])]);
    let error = chat.complete(&request(None)).await.unwrap_err();
    assert!(error.to_string().contains("`ollama pull m`"), "{error}");
}

#[tokio::test]
async fn unknown_provider_and_unknown_model_list_the_known_ones() {
    let chat = chat(&[provider("near", Kind::Ollama, "http://127.0.0.1:1", &["m"])]);
    let error = chat.complete(&request(Some("x"))).await.unwrap_err();
    assert!(matches!(&error, Error::UnknownModel { known, .. } if known == &["m"]), "{error}");
    let named = wire::chat::ChatRequest { provider: Some("far".into()), ..request(None) };
    let error = chat.complete(&named).await.unwrap_err();
    assert!(matches!(&error, Error::UnknownProvider { known, .. } if known == &["near"]), "{error}");
}
