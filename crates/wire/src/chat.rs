//! Wire types of `chatd`. Chat requests, answers and stream events: our own shape, and those of [`openai`] and [`ollama`],
//! which `chatd` both speaks to providers and answers programs in.

mod message;
pub mod ollama;
pub mod openai;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Problem;

pub use message::{
    Content, Function, FunctionCall, FunctionDelta, FunctionName, ImageUrl, JsonSchema, Message, Part,
    ResponseFormat, Role, Tool, ToolCall, ToolCallDelta, ToolChoice, ToolKind, ToolMode,
};
use message::{null_is_default, one_or_many};

/// Body of `POST /chat`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatRequest {
    /// The conversation so far, oldest first; at least one message.
    pub messages: Vec<Message>,
    /// Which model; if absent, the first one of the provider that takes the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Which provider, and no other; if absent, the configured ones are tried in their order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Whether to answer with server-sent events, each a [`ChatEvent`].
    #[serde(default)]
    pub stream: bool,
    /// 0 for the likeliest answer, higher for more variety; the provider's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Only the likeliest tokens that add up to this probability are drawn from; the provider's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Tokens of the answer at most; the provider's default if absent, and 4096 where a provider has none (anthropic).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The same seed gives the same answer, as far as the provider can; anthropic has none and is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Texts, or one, before which the answer ends.
    #[serde(default, deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// The tools that the model may call.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether it must call one; if absent, it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// The form of the answer; words if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
}

/// Answer to a [`ChatRequest`] without `stream`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatResponse {
    /// What the model says.
    pub message: Message,
    /// Which model.
    pub model: String,
    /// Which provider ran it.
    pub provider: String,
    /// What it cost.
    pub usage: Usage,
    /// Why it ended.
    pub finish_reason: FinishReason,
}

/// Tokens read and written. There is one for every answer, also for one that broke off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens of the messages.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    #[serde(default)]
    pub completion_tokens: u64,
    /// Both.
    #[serde(default)]
    pub total_tokens: u64,
    /// Whether this is our estimate, as the provider has not said: four characters a token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

impl Usage {
    /// What two answers cost.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let prompt = self.prompt_tokens.saturating_add(other.prompt_tokens);
        let completion = self.completion_tokens.saturating_add(other.completion_tokens);
        Self { estimated: self.estimated || other.estimated, ..Self::new(prompt, completion) }
    }

    /// The sum is ours: Ollama does not send one.
    pub fn new(prompt_tokens: u64, completion_tokens: u64) -> Self {
        let total_tokens = prompt_tokens.saturating_add(completion_tokens);
        Self { prompt_tokens, completion_tokens, total_tokens, estimated: false }
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model had said what it had to say.
    Stop,
    /// It reached `max_tokens`, or the end of its context.
    Length,
    /// It wants tools called, and their results.
    ToolCalls,
    /// Something else, such as a filter of the provider.
    Other,
}

impl FinishReason {
    /// From the word that OpenAI and Ollama use.
    pub fn from_provider(word: Option<&str>) -> Self {
        match word {
            None | Some("stop") => Self::Stop,
            Some("length") => Self::Length,
            Some("tool_calls") => Self::ToolCalls,
            Some(_) => Self::Other,
        }
    }

    /// The word that OpenAI and Ollama use.
    pub fn as_provider(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::Other => "content_filter",
        }
    }
}

/// One server-sent event of a streamed answer: `start`, any number of `delta` and `tool_call`, then `end` and a last line
/// `data: [DONE]`. A stream that fails on its way says `error` and ends without `[DONE]`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatEvent {
    /// A provider has begun to answer; from here on no other is tried.
    Start {
        /// Which model.
        model: String,
        /// Which provider runs it.
        provider: String,
    },
    /// The next piece of the answer.
    Delta {
        /// The piece.
        content: String,
    },
    /// The next piece of a tool call.
    ToolCall {
        /// The piece.
        call: ToolCallDelta,
    },
    /// The answer is whole.
    End {
        /// Why it ended.
        finish_reason: FinishReason,
        /// What it cost.
        usage: Usage,
    },
    /// The answer broke off; what came before is not whole.
    Error {
        /// What happened.
        problem: Problem,
        /// What it has cost all the same.
        usage: Usage,
    },
}

impl ChatEvent {
    /// The name in the event's `event:` line, the same as in its `type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Delta { .. } => "delta",
            Self::ToolCall { .. } => "tool_call",
            Self::End { .. } => "end",
            Self::Error { .. } => "error",
        }
    }
}

/// Answer to `GET /chat/providers`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProvidersResponse {
    /// In the order in which they are tried.
    pub providers: Vec<ProviderStatus>,
}

/// One provider of a [`ProvidersResponse`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProviderStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Which interface it speaks: `ollama`, `ollama_cloud`, `openai`, `anthropic` or `gemini`.
    pub kind: String,
    /// Where it is looked for.
    pub url: String,
    /// Whether it answered just now.
    pub reachable: bool,
    /// How long its list of models took, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// The models it says it has.
    pub models: Vec<String>,
    /// The models it may be asked for; empty means any.
    pub configured_models: Vec<String>,
    /// `closed`: it is asked; `open`: it has failed too often, and is left alone for a while; `half_open`: the next request
    /// decides whether it is back.
    #[serde(default)]
    pub breaker: String,
    /// What its models have done since the start of the daemon.
    #[serde(default)]
    pub records: Vec<ModelRecord>,
    /// The currency of its prices, as configured.
    #[serde(default)]
    pub currency: String,
    /// How its own budget stands, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetStatus>,
    /// Why it is not reachable, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Answer to `GET /chat/budgets`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BudgetsResponse {
    /// Those of the configuration by name, then `default`: all callers that have none of their own, together.
    pub budgets: Vec<BudgetStatus>,
}

/// How one budget of a [`BudgetsResponse`] stands. Keys are shown nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetStatus {
    /// Its name in the configuration.
    pub name: String,
    /// How many keys it is about. Callers without a key have one budget, which is counted in `default` without a key.
    pub keys: usize,
    /// Answers that may be written at the same time, for each key; absent: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u32>,
    /// Tokens that may be read and written within any 24 hours, for each key; absent: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_day: Option<u64>,
    /// Answers that are being written.
    pub in_flight: u64,
    /// Tokens read and written within the last 24 hours; 0 where they are not limited.
    pub tokens_used: u64,
    /// Tokens held back for answers that are being written.
    pub tokens_held: u64,
}

/// What one model of a provider has done since the start of the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelRecord {
    /// Which.
    pub model: String,
    /// Answers that it has given.
    pub answers: u64,
    /// Answers that broke off.
    pub failures: u64,
    /// What all of them cost, those that callers did not wait for included.
    pub usage: Usage,
    /// The same in money, in the provider's currency; absent without a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// How long its first tokens took on average, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<f64>,
    /// How long its whole answers took on average, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_ms: Option<f64>,
}
