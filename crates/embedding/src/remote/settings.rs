//! The configuration of a provider.

use std::path::PathBuf;
use std::time::Duration;

use provider::{Address, Kind};
use serde::{Deserialize, Serialize};

/// One provider of embedding models: an entry of `[[embedd.providers]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    /// What errors call it.
    pub name: String,
    /// `ollama` or `openai`: which interface it speaks.
    pub kind: Kind,
    /// `http://host:port`.
    pub url: String,
    /// The models that may be asked of it, by the names that requests use.
    pub models: Vec<String>,
    /// How long one call may take, milliseconds.
    pub timeout_ms: u64,
    /// Texts in one call at most.
    pub batch_texts: usize,
    /// Put before each text of kind `query`; absent: what the registry says of the model, for nomic's `search_query: `.
    pub query_prefix: Option<String>,
    /// Put before each text of kind `document`; absent: what the registry says of the model.
    pub document_prefix: Option<String>,
    /// The environment variable that holds the API key.
    pub api_key_env: Option<String>,
    /// The file that holds the API key.
    pub api_key_file: Option<PathBuf>,
}

impl Default for ProviderSettings {
    fn default() -> Self {
        Self {
            name: "ollama".into(),
            kind: Kind::Ollama,
            url: "http://127.0.0.1:11434".into(),
            models: Vec::new(),
            timeout_ms: 60_000,
            batch_texts: 64,
            query_prefix: None,
            document_prefix: None,
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
