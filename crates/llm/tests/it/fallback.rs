//! Which provider is asked, and which one after it.

use futures::StreamExt;
use llm::Kind;
use llm::{Error, ProviderSettings};
use wire::ErrorCode;

use crate::server::{OLLAMA_STREAM, OPENAI_STREAM, OPENAI_WHOLE, Server, nobody};
use crate::{chat, provider, request};

/// A first provider that is down, and `second` after it.
fn down_then(second: &Server, models: &[&str]) -> [ProviderSettings; 2] {
    [provider("down", Kind::Ollama, &nobody(), &["m"]), provider("up", Kind::OpenAi, &second.url, models)]
}

#[tokio::test]
async fn provider_that_is_down_is_passed_over() {
    let second = Server::answering(200, OPENAI_WHOLE).await;
    let answer = chat(&down_then(&second, &["n"])).complete(&request(None)).await.unwrap();
    assert_eq!((answer.provider.as_str(), answer.model.as_str()), ("up", "n"));

    let second = Server::streaming(&OPENAI_STREAM).await;
    let stream = chat(&down_then(&second, &["m"])).stream(&request(Some("m"))).await.unwrap();
    assert_eq!(stream.provider, "up");
}

#[tokio::test]
async fn stream_that_breaks_before_its_first_token_is_passed_over() {
    // No bytes, bytes without a token, and an error instead of one.
    let firsts: [&'static [&str]; 3] = [&[], &OLLAMA_STREAM[..1], &["{\"error\":\"out of memory\"}\n"]];
    for chunks in firsts {
        let (first, second) = (Server::breaking(chunks).await, Server::streaming(&OPENAI_STREAM).await);
        let providers = [
            provider("first", Kind::Ollama, &first.url, &["m"]),
            provider("second", Kind::OpenAi, &second.url, &["m"]),
        ];
        let stream = chat(&providers).stream(&request(None)).await.unwrap();
        assert_eq!(stream.provider, "second", "{chunks:?}");
        assert!(stream.pieces.all(|piece| async move { piece.is_ok() }).await);
    }
}

#[tokio::test]
async fn only_providers_of_the_model_are_asked() {
    let (first, second) =
        (Server::answering(200, OPENAI_WHOLE).await, Server::answering(200, OPENAI_WHOLE).await);
    let providers = [
        provider("first", Kind::OpenAi, &first.url, &["small"]),
        provider("second", Kind::OpenAi, &second.url, &["large"]),
    ];
    let answer = chat(&providers).complete(&request(Some("large"))).await.unwrap();
    assert_eq!(answer.provider, "second");
    assert!(first.seen().is_empty());
}

#[tokio::test]
async fn named_provider_has_no_substitute() {
    let second = Server::answering(200, OPENAI_WHOLE).await;
    let named = wire::chat::ChatRequest { provider: Some("down".into()), ..request(None) };
    let error = chat(&down_then(&second, &["m"])).complete(&named).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable, "{error}");
    assert!(second.seen().is_empty());
}

#[tokio::test]
async fn request_that_is_at_fault_is_not_sent_on() {
    let (first, second) =
        (Server::answering(400, r#"{"error":"too long"}"#).await, Server::streaming(&OPENAI_STREAM).await);
    let providers = [
        provider("first", Kind::Ollama, &first.url, &["m"]),
        provider("second", Kind::OpenAi, &second.url, &["m"]),
    ];
    let error = chat(&providers).stream(&request(None)).await.unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
    assert!(second.seen().is_empty());
}

#[tokio::test]
async fn when_all_fail_each_is_named_with_its_url_and_next_step() {
    let second = Server::answering(500, r#"{"error":{"message":"no GPU"}}"#).await;
    let error = chat(&down_then(&second, &["m"])).complete(&request(None)).await.unwrap_err();
    assert!(matches!(&error, Error::AllFailed(failures) if failures.len() == 2), "{error}");
    for part in
        ["provider down at http://127.0.0.1", "`ollama serve`", "provider up at", "answered 500: no GPU"]
    {
        assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
    }
    assert_eq!(error.code(), ErrorCode::Unavailable);
}
