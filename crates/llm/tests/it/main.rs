//! What the crate promises, against servers in this process that send the bytes that real providers send.
#![allow(missing_docs, clippy::unwrap_used)]

mod fallback;
mod server;
mod streaming;
mod survey;
mod whole;

use llm::{Chat, ProviderSettings};
use provider::Kind;
use wire::chat::{ChatRequest, Message, Role};

/// A provider of `kind` at `url` that may be asked for `models`.
fn provider(name: &str, kind: Kind, url: &str, models: &[&str]) -> ProviderSettings {
    ProviderSettings {
        name: name.into(),
        kind,
        url: url.into(),
        models: models.iter().map(|model| (*model).to_owned()).collect(),
        timeout_ms: 5_000,
        ..ProviderSettings::default()
    }
}

fn chat(providers: &[ProviderSettings]) -> Chat {
    // A second installation fails, and there is nothing to be done then.
    drop(rustls::crypto::ring::default_provider().install_default());
    Chat::new(providers).unwrap()
}

fn request(model: Option<&str>) -> ChatRequest {
    let message = |role, content: &str| Message { role, content: content.into() };
    ChatRequest {
        messages: vec![message(Role::System, "Be brief."), message(Role::User, "Hello?")],
        model: model.map(str::to_owned),
        temperature: Some(0.0),
        max_tokens: Some(16),
        ..ChatRequest::default()
    }
}
