//! What the crate promises, with the real model.
#![allow(missing_docs, clippy::unwrap_used)]

mod answers;
mod asking;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use llm::{Event, LocalModels};
use local_chat::{LocalChat, Settings};
use models::{DEFAULT_CHAT_MODEL, Registry, Source};
use wire::chat::{ChatRequest, FinishReason, Message, Role, Usage};

/// One model in memory for all tests: it takes a second to load.
fn local() -> Arc<LocalChat> {
    static LOCAL: std::sync::OnceLock<Arc<LocalChat>> = std::sync::OnceLock::new();
    Arc::clone(LOCAL.get_or_init(|| {
        let (dir, registry) = (models::default_dir().unwrap(), Registry::built_in().unwrap());
        let model = registry.find_chat(DEFAULT_CHAT_MODEL).unwrap();
        models::pull(model, &dir, &Source::default(), |_| {}).unwrap();
        Arc::new(start(dir, 16))
    }))
}

fn start(dir: PathBuf, max_waiting: usize) -> LocalChat {
    LocalChat::start(Settings { dir, max_waiting, idle: Duration::from_secs(60) }).unwrap()
}

/// Asks for the likeliest answer.
fn request(question: &str) -> ChatRequest {
    let system = "You are a helpful AI assistant.";
    ChatRequest {
        messages: vec![Message::text(Role::System, system), Message::text(Role::User, question)],
        temperature: Some(0.0),
        max_tokens: Some(24),
        ..ChatRequest::default()
    }
}

/// What a model says, in all.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    text: String,
    usage: Usage,
    reason: FinishReason,
}

async fn ask(local: &LocalChat, request: &ChatRequest) -> provider::Result<Said> {
    let mut events = local.answer("own", DEFAULT_CHAT_MODEL, request);
    let (mut text, mut told) = (String::new(), Usage::default());
    while let Some(event) = events.next().await {
        match event? {
            Event::Text(piece) => text.push_str(&piece),
            Event::Usage(usage) => told = usage,
            Event::End(reason) => return Ok(Said { text, usage: told, reason }),
            Event::ToolCall(_) => panic!("it calls no tools"),
        }
    }
    panic!("the answer has no end")
}
