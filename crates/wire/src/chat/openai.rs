//! OpenAI's shapes. Members that we have no use for are ignored.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::message::{null_is_default, one_or_many};
use super::{Message, ResponseFormat, Tool, ToolCall, ToolCallDelta, ToolChoice, Usage};

/// Body of `POST /v1/chat/completions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiChatRequest)]
pub struct ChatRequest {
    /// Which model.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// Whether to answer with server-sent events, each a [`Chunk`], then `[DONE]`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub stream: bool,
    /// What else to stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
    /// 0 for the likeliest answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Only the likeliest tokens that add up to this probability are drawn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Tokens of the answer at most: the name that all servers know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// OpenAI's newer name for it; wins over the older one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_completion_tokens: Option<u32>,
    /// The same seed gives the same answer, as far as the model can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Texts, or one, before which the answer ends.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// The tools that the model may call.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether it must call one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// The form of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
    /// How many answers; one is all that there is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
}

/// What else to stream.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiStreamOptions)]
pub struct StreamOptions {
    /// A last chunk with the usage.
    #[serde(default, deserialize_with = "null_is_default")]
    pub include_usage: bool,
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

/// A message as a server writes it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiOutputMessage)]
pub struct OutputMessage {
    /// Always `"assistant"`.
    #[serde(default)]
    pub role: String,
    /// What is said; `null` where only tools are called.
    #[serde(default)]
    pub content: Option<String>,
    /// The tools that the model wants called.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

/// A piece of a message as a server writes it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = OpenAiDelta)]
pub struct Delta {
    /// Who speaks; in the first piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Pieces of tool calls.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallDelta>,
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
    #[serde(default, deserialize_with = "null_is_default")]
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
    #[serde(default, deserialize_with = "null_is_default")]
    pub delta: Delta,
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
