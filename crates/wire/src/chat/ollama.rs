//! Ollama's shapes. Members that we have no use for are ignored.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Message;

/// Body of `POST /api/chat`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OllamaChatRequest)]
pub struct ChatRequest {
    /// Which model.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// Whether to answer line by line; Ollama's default is that it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// How to sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Options>,
}

/// How to sample.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = OllamaOptions)]
pub struct Options {
    /// 0 for the likeliest answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Tokens of the answer at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_predict: Option<u32>,
}

/// One line of a streamed answer, or the whole of one that is not.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = OllamaChatResponse)]
pub struct ChatResponse {
    /// Which model.
    #[serde(default)]
    pub model: String,
    /// When the line was made, RFC 3339.
    #[serde(default)]
    pub created_at: String,
    /// The next piece of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    /// Whether this is the last line.
    #[serde(default)]
    pub done: bool,
    /// Why the answer ended; on the last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_reason: Option<String>,
    /// Tokens of the messages; on the last line, unless they were cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_eval_count: Option<u64>,
    /// Tokens of the answer; on the last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eval_count: Option<u64>,
    /// What went wrong; such a line is the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Answer to `GET /api/tags`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OllamaTags)]
pub struct Tags {
    /// The models on that machine.
    pub models: Vec<Tag>,
}

/// One model of [`Tags`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OllamaTag)]
pub struct Tag {
    /// `name:tag`.
    pub name: String,
    /// The same.
    #[serde(default)]
    pub model: String,
}
