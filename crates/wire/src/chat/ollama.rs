//! Ollama's shapes. Members that we have no use for are ignored.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::message::{null_is_default, one_or_many};
use super::{Role, Tool};

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
    /// The tools that the model may call.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// The form of the answer: `"json"`, or a JSON Schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Value>,
    /// How to sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Options>,
}

/// One message of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OllamaMessage)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    #[serde(default, deserialize_with = "null_is_default")]
    pub content: String,
    /// What is shown, each image in base64.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// The tools that the model wants called.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The tool that this message has a result of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// The call that it is the result of; older servers know the name only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

/// A call that the model wants made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OllamaToolCall)]
pub struct ToolCall {
    /// Names the call; older servers do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What to call, and with what.
    pub function: FunctionCall,
}

/// What to call, and with what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OllamaFunctionCall)]
pub struct FunctionCall {
    /// The function.
    pub name: String,
    /// Its arguments.
    #[serde(default, deserialize_with = "null_is_default")]
    #[schema(value_type = Object)]
    pub arguments: Map<String, Value>,
}

/// How to sample.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = OllamaOptions)]
pub struct Options {
    /// 0 for the likeliest answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Only the likeliest tokens that add up to this probability are drawn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Tokens of the answer at most; below 0: as many as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_predict: Option<i64>,
    /// The same seed gives the same answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Texts before which the answer ends.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
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
