//! Who is answered, who is refused, and what becomes of those who leave.

use futures::StreamExt;
use llm::{Event, LocalModels};
use models::{DEFAULT_CHAT_MODEL, REGISTRY_FILE};
use wire::ErrorCode;
use wire::chat::{ChatRequest, ResponseFormat, Role};

use crate::{ask, local, request, start};

#[tokio::test]
async fn model_that_is_not_here_is_refused_with_the_command_that_fetches_it() {
    let dir = tempfile::tempdir().unwrap();
    let empty = start(dir.path().into(), 1);
    for error in [empty.installed("own").unwrap_err(), ask(&empty, &request("Hi")).await.unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("lakectl models pull") && text.contains(DEFAULT_CHAT_MODEL), "{text}");
    }
    let unknown = empty.answer("own", "gpt-9", &request("Hi")).next().await.unwrap().unwrap_err();
    assert!(unknown.to_string().contains("gpt-9") && unknown.to_string().contains(DEFAULT_CHAT_MODEL));
}

#[tokio::test]
async fn damaged_model_is_refused_and_not_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join(DEFAULT_CHAT_MODEL);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("model.gguf"), b"GGUF and nothing more").unwrap();
    let error = ask(&start(dir.path().into(), 1), &request("Hi")).await.unwrap_err().to_string();
    assert!(error.contains("model.gguf") && error.contains("lakectl models pull"), "{error}");
}

#[test]
fn mistake_in_the_registry_keeps_it_from_starting_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(REGISTRY_FILE), "[[chat_models]]\nname = 1\n").unwrap();
    let settings = local_chat::Settings {
        dir: dir.path().into(),
        max_waiting: 1,
        idle: std::time::Duration::from_secs(1),
    };
    let error = local_chat::LocalChat::start(settings).unwrap_err();
    assert!(error.contains(REGISTRY_FILE), "{error}");
}

#[tokio::test]
async fn what_it_cannot_do_is_refused_before_it_waits() {
    let local = local();
    let mut with_result = request("Hi");
    with_result.messages[1].role = Role::Tool;
    let in_json = ChatRequest { response_format: Some(ResponseFormat::JsonObject), ..request("Hi") };
    let too_long = request(&"word ".repeat(4000));
    for (request, reason) in [(with_result, "tools"), (in_json, "response_format"), (too_long, "2048")] {
        let error = ask(&local, &request).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn those_beyond_the_queue_are_told_to_come_back_and_those_who_have_left_take_no_place() {
    local();
    let busy = start(models::default_dir().unwrap(), 1);
    let long = ChatRequest { max_tokens: Some(2000), ..request("Tell a long story.") };
    let mut first = busy.answer("own", DEFAULT_CHAT_MODEL, &long);
    // It has begun: it waits no more.
    assert!(matches!(first.next().await, Some(Ok(Event::Usage(_)))));
    let second = busy.answer("own", DEFAULT_CHAT_MODEL, &long);
    let error = ask(&busy, &request("Hi")).await.unwrap_err();
    assert_eq!((error.code(), error.retry_after().is_some()), (ErrorCode::Overloaded, true));

    // The one that waits leaves its place, and the one that is answered frees the model.
    drop((first, second));
    assert!(!ask(&busy, &request("Say hello.")).await.unwrap().text.is_empty());
}
