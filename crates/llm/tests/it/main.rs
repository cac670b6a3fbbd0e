//! What the crate promises, against servers in this process that send the bytes that real providers send.
#![allow(missing_docs, clippy::unwrap_used)]

mod asking;
mod exchange;
mod fallback;
mod local;
mod recorded;
mod robust;
mod server;
mod streaming;
mod survey;
mod trouble;
mod whole;

use llm::Kind;
use llm::{Chat, ProviderSettings};
use wire::chat::{ChatRequest, Message, Role};

/// A provider of `kind` at `url` that may be asked for `models`.
fn provider(name: &str, kind: Kind, url: &str, models: &[&str]) -> ProviderSettings {
    ProviderSettings {
        name: name.into(),
        kind,
        url: Some(url.into()),
        models: models.iter().map(|model| (*model).to_owned()).collect(),
        timeout_ms: 5_000,
        ..ProviderSettings::default()
    }
}

fn chat(providers: &[ProviderSettings]) -> Chat {
    // A second installation fails, and there is nothing to be done then.
    drop(rustls::crypto::ring::default_provider().install_default());
    Chat::new(providers, &[], None).unwrap()
}

fn request(model: Option<&str>) -> ChatRequest {
    ChatRequest {
        messages: vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Hello?")],
        model: model.map(str::to_owned),
        temperature: Some(0.0),
        max_tokens: Some(16),
        ..ChatRequest::default()
    }
}

/// A provider of `kind` at `url` with the key `sk-live-1`, which lies in the folder beside it.
fn keyed(name: &str, kind: Kind, url: &str) -> (ProviderSettings, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "sk-live-1\n").unwrap();
    (ProviderSettings { api_key_file: Some(file), ..provider(name, kind, url, &["m"]) }, folder)
}
