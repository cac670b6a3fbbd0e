//! The configuration of a provider.

use std::path::PathBuf;
use std::time::Duration;

use provider::{Address, Kind};
use serde::{Deserialize, Serialize};

/// One provider of chat models: an entry of `[[chatd.providers]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    /// What requests and errors call it.
    pub name: String,
    /// `ollama` or `openai`: which interface it speaks.
    pub kind: Kind,
    /// `http://host:port`.
    pub url: String,
    /// The models that may be asked of it, the first one being its default; empty means any that it has.
    pub models: Vec<String>,
    /// How long a whole answer may take, and in a streamed one the first token and each pause, milliseconds.
    pub timeout_ms: u64,
    /// The environment variable that holds the API key.
    pub api_key_env: Option<String>,
    /// The file that holds the API key.
    pub api_key_file: Option<PathBuf>,
}

impl Default for ProviderSettings {
    /// An Ollama on this machine, at its own port.
    fn default() -> Self {
        Self {
            name: "ollama".into(),
            kind: Kind::Ollama,
            url: "http://127.0.0.1:11434".into(),
            models: Vec::new(),
            timeout_ms: 120_000,
            api_key_env: None,
            api_key_file: None,
        }
    }
}

impl ProviderSettings {
    pub(crate) fn address(&self) -> Address {
        Address {
            name: self.name.clone(),
            kind: self.kind,
            url: self.url.clone(),
            api_key_env: self.api_key_env.clone(),
            api_key_file: self.api_key_file.clone(),
            timeout: Duration::from_millis(self.timeout_ms),
        }
    }
}
