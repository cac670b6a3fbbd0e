//! Recorded exchanges, byte by byte, whole and damaged: what becomes of each.

use futures::StreamExt;
use llm::{Chat, Error, Piece, ToolCalls};
use wire::ErrorCode;
use wire::chat::{FinishReason, ToolCall, Usage};

use crate::exchange::{End, Exchange, chunked, plain};
use crate::recorded::{ALL, GEMINI, OPENAI, Recorded};
use crate::{chat, keyed, request};

/// What a stream came to.
struct Outcome {
    text: String,
    calls: Vec<ToolCall>,
    end: Result<(FinishReason, Usage), Error>,
}

/// Streams a request to a provider that answers with `response`.
async fn outcome(recorded: &Recorded, response: Vec<u8>) -> Outcome {
    let exchange = Exchange::serving(vec![response]).await;
    let (chat, _key) = over(recorded, &exchange);
    let (mut text, mut calls, mut end) = (String::new(), ToolCalls::default(), None);
    match chat.stream(&request(None)).await {
        Err(error) => end = Some(Err(error)),
        Ok(mut stream) => {
            while let Some(piece) = stream.pieces.next().await {
                assert!(end.is_none(), "something follows the end");
                match piece {
                    Ok(Piece::Text(piece)) => text.push_str(&piece),
                    Ok(Piece::ToolCall(piece)) => calls.push(piece),
                    Ok(Piece::End { finish_reason, usage }) => end = Some(Ok((finish_reason, usage))),
                    Err(error) => end = Some(Err(error)),
                }
            }
        }
    }
    Outcome { text, calls: calls.into_calls(), end: end.unwrap() }
}

fn over(recorded: &Recorded, exchange: &Exchange) -> (Chat, tempfile::TempDir) {
    let (provider, key) = keyed("near", recorded.kind, &exchange.url);
    (chat(&[provider]), key)
}

fn streamed(recorded: &Recorded, body: &str, end: End) -> Vec<u8> {
    chunked(recorded.media_type, &[body.as_bytes()], end)
}

/// The part of a streamed text up to where its first piece has arrived.
fn begun(recorded: &Recorded) -> &'static str {
    let place = recorded.text.find("Grüße").unwrap();
    let end = recorded.text[place..].find('\n').unwrap();
    // An event ends with an empty line, which may be CRLF.
    let rest = &recorded.text[place + end..];
    let blank = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
    &recorded.text[..place + end + blank]
}

#[tokio::test]
async fn text_is_the_same_when_every_byte_comes_alone() {
    for recorded in ALL {
        let bytes: Vec<&[u8]> = recorded.text.as_bytes().chunks(1).collect();
        for chunks in [bytes, vec![recorded.text.as_bytes()]] {
            let outcome = outcome(&recorded, chunked(recorded.media_type, &chunks, End::Whole)).await;
            assert_eq!(outcome.text, "Grüße, 世界 👋", "{:?}", recorded.kind);
            assert_eq!(outcome.end.unwrap(), (FinishReason::Stop, Usage::new(25, 9)), "{:?}", recorded.kind);
        }
    }
}

#[tokio::test]
async fn fragments_of_a_tool_call_add_up_and_end_as_one() {
    for recorded in ALL {
        let bytes: Vec<&[u8]> = recorded.call.as_bytes().chunks(1).collect();
        let outcome = outcome(&recorded, chunked(recorded.media_type, &bytes, End::Whole)).await;
        let [call] = &outcome.calls[..] else { panic!("{:?}: {:?}", recorded.kind, outcome.calls) };
        assert_eq!(call.function.name, "get_weather");
        assert_eq!(call.function.arguments, "{\"city\":\"Köln\"}", "{:?}", recorded.kind);
        assert!(!call.id.is_empty(), "{:?}", recorded.kind);
        assert_eq!(outcome.end.unwrap(), (FinishReason::ToolCalls, Usage::new(25, 9)), "{:?}", recorded.kind);
    }
}

#[tokio::test]
async fn whole_answer_with_a_tool_call_is_the_same_from_every_interface() {
    for recorded in ALL {
        let exchange = Exchange::serving(vec![plain("200 OK", "", recorded.whole)]).await;
        let (chat, _key) = over(&recorded, &exchange);
        let answer = chat.complete(&request(None)).await.unwrap();
        let [call] = &answer.message.tool_calls[..] else { panic!("{:?}: {answer:?}", recorded.kind) };
        assert_eq!(call.function.arguments, "{\"city\":\"Köln\"}", "{:?}", recorded.kind);
        assert_eq!((answer.finish_reason, answer.usage), (FinishReason::ToolCalls, Usage::new(25, 9)));
    }
}

#[tokio::test]
async fn error_in_mid_stream_ends_it_under_its_own_code_with_what_was_spent() {
    for recorded in ALL {
        let body = format!("{}{}", begun(&recorded), recorded.error);
        let outcome = outcome(&recorded, streamed(&recorded, &body, End::Whole)).await;
        let error = outcome.end.unwrap_err();
        assert_eq!((outcome.text.as_str(), error.code()), ("Grüße", recorded.error_code), "{error}");
        let usage = error.usage();
        assert!(usage.estimated && usage.prompt_tokens > 0 && usage.completion_tokens > 0, "{usage:?}");
    }
}

#[tokio::test]
async fn error_instead_of_a_first_token_leaves_the_request_to_others() {
    for recorded in ALL {
        let outcome = outcome(&recorded, streamed(&recorded, recorded.error, End::Whole)).await;
        let error = outcome.end.unwrap_err();
        assert!(matches!(error, Error::AllFailed(_)), "{error}");
        assert_eq!(error.code(), recorded.error_code, "{error}");
    }
}

#[tokio::test]
async fn stream_that_is_cut_off_is_never_taken_for_an_answer() {
    for recorded in ALL {
        let begun = begun(&recorded);
        // After the first piece; in the middle of the next message; and before anything at all.
        let cuts = [begun, &recorded.text[..begun.len() + 40], ""];
        for (body, end) in cuts.into_iter().flat_map(|body| [(body, End::Whole), (body, End::Cut)]) {
            let outcome = outcome(&recorded, streamed(&recorded, body, end)).await;
            let error = outcome.end.unwrap_err();
            assert_eq!(error.code(), ErrorCode::UpstreamFailed, "{:?}: {error}", recorded.kind);
            assert!(error.to_string().contains("before the answer ended"), "{:?}: {error}", recorded.kind);
            assert_eq!(matches!(error, Error::BrokeOff { .. }), !body.is_empty(), "{error}");
        }
    }
}

#[tokio::test]
async fn refusal_under_load_says_when_to_come_back() {
    for recorded in ALL {
        let (status, body) = recorded.overload;
        let outcome = outcome(&recorded, plain(status, "retry-after: 7\r\n", body)).await;
        let error = outcome.end.unwrap_err();
        let expected = if status.starts_with("503") { ErrorCode::Unavailable } else { ErrorCode::Overloaded };
        assert_eq!(error.code(), expected, "{error}");
        assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(7), "{:?}", recorded.kind);
    }
}

#[tokio::test]
async fn answer_without_a_choice_is_none() {
    let stream = "data: {\"id\":\"c\",\"choices\":[]}\n\ndata: [DONE]\n\n";
    let error = outcome(&OPENAI, streamed(&OPENAI, stream, End::Whole)).await.end.unwrap_err();
    assert!(error.to_string().contains("no choice"), "{error}");
    for (recorded, body) in [(OPENAI, r#"{"choices":[]}"#), (GEMINI, r#"{"candidates":[]}"#)] {
        let exchange = Exchange::serving(vec![plain("200 OK", "", body)]).await;
        let (chat, _key) = over(&recorded, &exchange);
        let error = chat.complete(&request(None)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::UpstreamFailed, "{error}");
    }
}

#[tokio::test]
async fn prompt_that_gemini_blocks_ends_as_filtered() {
    let body = "data: {\"promptFeedback\": {\"blockReason\": \"SAFETY\"},\"usageMetadata\": {\"promptTokenCount\": 25}}\r\n\r\n";
    let outcome = outcome(&GEMINI, streamed(&GEMINI, body, End::Whole)).await;
    assert_eq!(outcome.end.unwrap(), (FinishReason::Other, Usage::new(25, 0)));
}

#[tokio::test]
async fn openai_server_that_never_says_done_or_usage_is_understood() {
    let end = OPENAI.text.find("data: {\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,\"model\":\"m\",\"choices\":[],");
    let body = &OPENAI.text[..end.unwrap()];
    let (reason, usage) = outcome(&OPENAI, streamed(&OPENAI, body, End::Whole)).await.end.unwrap();
    assert_eq!((reason, usage.estimated), (FinishReason::Stop, true));
    assert!(usage.prompt_tokens > 0 && usage.completion_tokens > 0, "{usage:?}");
}

#[tokio::test]
async fn bytes_that_are_no_message_end_the_stream() {
    for recorded in ALL {
        let garbage = if recorded.kind == llm::Kind::Ollama { "<html>\n" } else { "data: <html>\n\n" };
        let body = format!("{}{garbage}", begun(&recorded));
        let error = outcome(&recorded, streamed(&recorded, &body, End::Whole)).await.end.unwrap_err();
        assert!(matches!(error, Error::BrokeOff { .. }), "{:?}: {error}", recorded.kind);
    }
}
