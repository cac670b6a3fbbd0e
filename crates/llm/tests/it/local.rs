//! Models in this process, as one provider among others.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use llm::{Chat, Event, Events, Kind, LocalModels, Piece, ProviderSettings};
use wire::ErrorCode;
use wire::chat::{ChatRequest, FinishReason, Usage};

use crate::server::nobody;
use crate::{provider, request};

/// Says `own` in two pieces; the model `mute` never says anything.
#[derive(Debug)]
struct Scripted;

impl LocalModels for Scripted {
    fn url(&self) -> &str {
        "file:///models"
    }

    fn installed(&self, _: &str) -> provider::Result<Vec<String>> {
        Ok(vec!["small".to_owned()])
    }

    fn answer(&self, _: &str, model: &str, _: &ChatRequest) -> Events {
        if model == "mute" {
            return Box::pin(stream::pending());
        }
        let text = |text: &str| Ok(Event::Text(text.to_owned()));
        let end = [Ok(Event::Usage(Usage::new(3, 2))), Ok(Event::End(FinishReason::Length))];
        Box::pin(stream::iter([text("o"), text("wn")].into_iter().chain(end)))
    }
}

fn own() -> ProviderSettings {
    ProviderSettings { url: None, timeout_ms: 50, ..provider("own", Kind::Local, "", &[]) }
}

fn chat(providers: &[ProviderSettings]) -> llm::Result<Chat> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let local: Arc<dyn LocalModels> = Arc::new(Scripted);
    Chat::new(providers, &[], Some(&local))
}

#[tokio::test]
async fn own_model_answers_where_no_server_does_whole_and_streamed() {
    let chat = chat(&[provider("far", Kind::Ollama, &nobody(), &[]), own()]).unwrap();
    let answer = chat.complete(&request(None)).await.unwrap();
    assert_eq!((answer.provider.as_str(), answer.model.as_str()), ("own", "small"));
    assert_eq!((answer.message.content.text().as_str(), answer.usage), ("own", Usage::new(3, 2)));

    let pieces: Vec<_> = chat.stream(&request(None)).await.unwrap().pieces.collect().await;
    let [Ok(Piece::Text(first)), Ok(Piece::Text(second)), Ok(Piece::End { finish_reason, usage })] =
        pieces.as_slice()
    else {
        panic!("{pieces:?}")
    };
    assert_eq!((first.as_str(), second.as_str()), ("o", "wn"));
    assert_eq!((*finish_reason, *usage), (FinishReason::Length, Usage::new(3, 2)));

    let [_, status] = <[_; 2]>::try_from(chat.survey().await).unwrap();
    assert!(status.reachable);
    assert_eq!((status.kind.as_str(), status.url.as_str()), ("local", "file:///models"));
    assert_eq!(status.models, ["small"]);
}

#[tokio::test]
async fn own_model_that_says_nothing_is_given_up_after_its_time() {
    let chat = chat(&[own()]).unwrap();
    let whole = chat.complete(&request(Some("mute"))).await.unwrap_err();
    assert_eq!(whole.code(), ErrorCode::DeadlineExceeded);
    assert!(whole.to_string().contains("timeout_ms"), "{whole}");
    let streamed = chat.stream(&request(Some("mute"))).await.unwrap_err();
    assert_eq!(streamed.code(), ErrorCode::DeadlineExceeded);
    assert!(streamed.to_string().contains("first_token_ms"), "{streamed}");
}

#[test]
fn own_models_have_no_address_and_no_key_and_must_be_there() {
    let with_url = ProviderSettings { url: Some("http://x".into()), ..own() };
    let with_key = ProviderSettings { api_key_env: Some("KEY".into()), ..own() };
    for settings in [with_url, with_key] {
        let error = chat(&[settings]).unwrap_err().to_string();
        assert!(error.contains("own") && error.contains("neither"), "{error}");
    }
    let error = Chat::new(&[own()], &[], None).unwrap_err().to_string();
    assert!(error.contains("feature `local`"), "{error}");
}
