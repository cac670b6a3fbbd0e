//! OpenAI's shapes. Members that we have no use for are ignored.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Message, Role, Usage};

/// Body of `POST /v1/chat/completions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiChatRequest)]
pub struct ChatRequest {
    /// Which model.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<InputMessage>,
    /// Whether to answer with server-sent events, each a [`Chunk`], then `[DONE]`.
    #[serde(default)]
    pub stream: bool,
    /// What else to stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    /// 0 for the likeliest answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Tokens of the answer at most. OpenAI's newer name is `max_completion_tokens`, which fewer servers know.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "max_completion_tokens")]
    pub max_tokens: Option<u32>,
}

/// What else to stream.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiStreamOptions)]
pub struct StreamOptions {
    /// A last chunk with the usage.
    #[serde(default)]
    pub include_usage: bool,
}

/// A message as a client writes it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiInputMessage)]
pub struct InputMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: Content,
}

impl From<InputMessage> for Message {
    fn from(message: InputMessage) -> Self {
        let content = match message.content {
            Content::Text(text) => text,
            Content::Parts(parts) => parts.into_iter().map(|part| part.text).collect(),
        };
        Self { role: message.role, content }
    }
}

impl From<Message> for InputMessage {
    fn from(message: Message) -> Self {
        Self { role: message.role, content: Content::Text(message.content) }
    }
}

/// A text, whole or in parts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(as = OpenAiContent)]
pub enum Content {
    /// Whole.
    Text(String),
    /// In parts; other parts than text are not taken.
    Parts(Vec<TextPart>),
}

/// A part of a text.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiTextPart)]
pub struct TextPart {
    /// The part.
    pub text: String,
}

/// Answer to a [`ChatRequest`] without `stream`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiCompletion)]
pub struct Completion {
    /// Names the answer.
    #[serde(default)]
    pub id: String,
    /// Always `"chat.completion"`.
    #[serde(default)]
    pub object: String,
    /// When, seconds since 1970.
    #[serde(default)]
    pub created: i64,
    /// Which model.
    #[serde(default)]
    pub model: String,
    /// One answer.
    pub choices: Vec<Choice>,
    /// What it cost.
    #[serde(default)]
    pub usage: Option<Usage>,
}

/// An answer of a [`Completion`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiChoice)]
pub struct Choice {
    /// Which, counted from 0.
    #[serde(default)]
    pub index: u32,
    /// What the model says.
    pub message: OutputMessage,
    /// Why it ended.
    #[serde(default)]
    pub finish_reason: Option<String>,
}

/// A message, or a piece of one, as a server writes it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiOutputMessage)]
pub struct OutputMessage {
    /// Who speaks; absent in all pieces but the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What is said; `null` in a piece that says nothing.
    #[serde(default)]
    pub content: Option<String>,
}

/// One server-sent event of a streamed answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiChunk)]
pub struct Chunk {
    /// Names the answer; the same in all its chunks.
    #[serde(default)]
    pub id: String,
    /// Always `"chat.completion.chunk"`.
    #[serde(default)]
    pub object: String,
    /// When, seconds since 1970.
    #[serde(default)]
    pub created: i64,
    /// Which model.
    #[serde(default)]
    pub model: String,
    /// The next piece; none in the last chunk, which has the usage.
    #[serde(default)]
    pub choices: Vec<ChunkChoice>,
    /// What it cost; in the last chunk, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// The piece in a [`Chunk`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiChunkChoice)]
pub struct ChunkChoice {
    /// Which answer it belongs to, counted from 0.
    #[serde(default)]
    pub index: u32,
    /// The piece.
    #[serde(default)]
    pub delta: OutputMessage,
    /// Why the answer ended; in its last piece.
    #[serde(default)]
    pub finish_reason: Option<String>,
}

/// Answer to `GET /v1/models`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiModels)]
pub struct Models {
    /// Always `"list"`.
    #[serde(default)]
    pub object: String,
    /// The models there are.
    pub data: Vec<Model>,
}

/// One model of [`Models`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiModel)]
pub struct Model {
    /// Its name.
    pub id: String,
    /// Always `"model"`.
    #[serde(default)]
    pub object: String,
    /// Who runs it.
    #[serde(default)]
    pub owned_by: String,
}
