//! The configuration of a provider.

use std::path::PathBuf;
use std::time::Duration;

use provider::Address;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Price;
use crate::budget::Limits;

/// Which interface a provider speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Ollama's own, on a machine of yours.
    #[default]
    Ollama,
    /// The same at Ollama's public address, with a key.
    #[serde(rename = "ollama_cloud")]
    OllamaCloud,
    /// OpenAI's, which many servers speak: OpenRouter, Kimi, vLLM, llama.cpp.
    OpenAi,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
    /// None: its models run in this process.
    Local,
}

impl Kind {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OllamaCloud => "ollama_cloud",
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Local => "local",
        }
    }

    /// Where its own service is.
    fn public_url(self) -> &'static str {
        match self {
            Self::Local => "",
            Self::Ollama => "http://127.0.0.1:11434",
            Self::OllamaCloud => "https://ollama.com",
            Self::OpenAi => "https://api.openai.com",
            Self::Anthropic => "https://api.anthropic.com",
            Self::Gemini => "https://generativelanguage.googleapis.com",
        }
    }

    /// Whether nobody is served there without a key.
    pub(crate) fn needs_key(self) -> bool {
        matches!(self, Self::OllamaCloud | Self::Anthropic | Self::Gemini)
    }
}

/// One provider of chat models: an entry of `[[chatd.providers]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    /// What requests and errors call it.
    pub name: String,
    /// Which interface it speaks.
    pub kind: Kind,
    /// `http://host:port`; if absent, the address of the kind's own service.
    pub url: Option<String>,
    /// The models that may be asked of it, the first one being its default; empty means any that it has.
    pub models: Vec<String>,
    /// How long an answer that is not streamed may take, and each pause in one that is, milliseconds.
    pub timeout_ms: u64,
    /// How long the first token of a streamed answer may take, milliseconds; `timeout_ms` if absent.
    pub first_token_ms: Option<u64>,
    /// How long a streamed answer may take in all, milliseconds.
    pub total_ms: u64,
    /// Answers that it writes at the same time, at most; any number if absent.
    pub max_concurrent: Option<u32>,
    /// Tokens that it reads and writes within any 24 hours, at most; any number if absent.
    pub tokens_per_day: Option<u64>,
    /// What its models cost for a million tokens; the first entry that matches counts.
    pub prices: Vec<Price>,
    /// The currency of its prices.
    pub currency: String,
    /// The environment variable that holds the API key.
    #[serde(deserialize_with = "variable")]
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
            url: None,
            models: Vec::new(),
            timeout_ms: 120_000,
            first_token_ms: None,
            total_ms: 900_000,
            max_concurrent: None,
            tokens_per_day: None,
            prices: Vec::new(),
            currency: "USD".into(),
            api_key_env: None,
            api_key_file: None,
        }
    }
}

impl ProviderSettings {
    pub(crate) fn limits(&self) -> Limits {
        Limits { max_concurrent: self.max_concurrent, tokens_per_day: self.tokens_per_day }
    }

    pub(crate) fn address(&self) -> Address {
        let url = self.url.as_deref().unwrap_or(self.kind.public_url()).trim_end_matches('/');
        // Google's own documentation writes the base URL with the version.
        let url = if self.kind == Kind::Gemini { url.trim_end_matches("/v1beta") } else { url };
        Address {
            name: self.name.clone(),
            // What is done about a provider that fails differs for an Ollama of one's own only.
            kind: match self.kind {
                Kind::Ollama => provider::Kind::Ollama,
                _ => provider::Kind::OpenAi,
            },
            url: url.to_owned(),
            api_key_env: self.api_key_env.clone(),
            api_key_file: self.api_key_file.clone(),
            timeout: Duration::from_millis(self.timeout_ms),
        }
    }
}

/// Reads the name of a variable. A key that was put here by mistake is refused before anything can print it.
///
/// # Errors
/// Those of `deserializer`, and one for a text that is no such name, which it does not repeat.
pub fn variable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = Option::<String>::deserialize(deserializer)?;
    let is_name =
        |name: &String| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if name.as_ref().is_some_and(|name| !is_name(name)) {
        let reason =
            "`api_key_env` must be the name of an environment variable (A-Z, 0-9, _), not the key itself";
        return Err(serde::de::Error::custom(reason));
    }
    Ok(name)
}
