//! Answers that come piece by piece, and streams that break.

use std::time::Duration;

use futures::StreamExt;
use llm::Kind;
use llm::{Error, Piece, ProviderSettings};
use wire::chat::{FinishReason, Usage};

use crate::server::{OLLAMA_STREAM, OPENAI_STREAM, Server};
use crate::{chat, provider, request};

fn text(text: &str) -> Piece {
    Piece::Text(text.into())
}

#[tokio::test]
async fn pieces_of_both_interfaces_end_with_the_usage() {
    let streams: [(_, &'static [&str]); 2] = [(Kind::Ollama, &OLLAMA_STREAM), (Kind::OpenAi, &OPENAI_STREAM)];
    for (kind, chunks) in streams {
        let server = Server::streaming(chunks).await;
        let stream =
            chat(&[provider("near", kind, &server.url, &["m"])]).stream(&request(None)).await.unwrap();
        assert_eq!((stream.model.as_str(), stream.provider.as_str()), ("m", "near"));
        let pieces: Vec<_> = stream.pieces.map(Result::unwrap).collect().await;
        let end = Piece::End { finish_reason: FinishReason::Stop, usage: Usage::new(26, 2) };
        assert_eq!(pieces, [text("Hello"), text(" there"), end], "{kind:?}");
        assert_eq!(server.seen()[0]["stream"], true);
    }
}

#[tokio::test]
async fn stream_that_breaks_after_its_first_token_yields_it_and_then_an_error() {
    let half: [(_, &'static [&str]); 2] =
        [(Kind::Ollama, &OLLAMA_STREAM[..2]), (Kind::OpenAi, &OPENAI_STREAM[..3])];
    for (kind, chunks) in half {
        for server in [Server::breaking(chunks).await, Server::streaming(chunks).await] {
            // A second provider that would answer: it must not be asked for the rest.
            let second = Server::streaming(&OPENAI_STREAM).await;
            let providers = [
                provider("near", kind, &server.url, &["m"]),
                provider("far", Kind::OpenAi, &second.url, &["m"]),
            ];
            let stream = chat(&providers).stream(&request(None)).await.unwrap();
            let pieces: Vec<_> = stream.pieces.collect().await;
            assert_eq!(pieces[0].as_ref().unwrap(), &text("Hello"));
            assert!(matches!(pieces.last(), Some(Err(Error::BrokeOff { .. }))), "{kind:?}: {pieces:?}");
            assert!(second.seen().is_empty());
        }
    }
}

#[tokio::test]
async fn error_inside_a_stream_ends_it() {
    let server = Server::streaming(&[
        OPENAI_STREAM[0],
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n",
        "data: {\"error\":{\"message\":\"out of memory\"}}\n\n",
    ]);
    let server = server.await;
    let stream =
        chat(&[provider("near", Kind::OpenAi, &server.url, &["m"])]).stream(&request(None)).await.unwrap();
    let pieces: Vec<_> = stream.pieces.collect().await;
    assert_eq!(pieces.len(), 2);
    assert!(pieces[1].as_ref().unwrap_err().to_string().contains("out of memory"), "{pieces:?}");
}

#[tokio::test]
async fn dropping_the_stream_tells_the_provider_to_stop() {
    let (server, mut gone) =
        Server::hanging("{\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n").await;
    let chat = chat(&[provider("near", Kind::Ollama, &server.url, &["m"])]);
    let mut stream = chat.stream(&request(None)).await.unwrap();
    assert_eq!(stream.pieces.next().await.unwrap().unwrap(), text("Hel"));
    drop(stream);
    let closed = tokio::time::timeout(Duration::from_secs(20), gone.recv()).await;
    assert_eq!(closed, Ok(None), "the provider still writes");
}

#[tokio::test]
async fn provider_that_falls_silent_is_given_up() {
    let (server, _gone) =
        Server::hanging("{\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n").await;
    let settings =
        ProviderSettings { timeout_ms: 100, ..provider("near", Kind::Ollama, &server.url, &["m"]) };
    let mut stream = chat(&[settings]).stream(&request(None)).await.unwrap();
    assert_eq!(stream.pieces.next().await.unwrap().unwrap(), text("Hel"));
    let error = stream.pieces.next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), wire::ErrorCode::DeadlineExceeded, "{error}");
    assert!(matches!(error, Error::BrokeOff { .. }), "{error}");
    assert!(stream.pieces.next().await.is_none());
}
