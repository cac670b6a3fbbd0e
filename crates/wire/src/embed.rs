//! Wire types of `embedd`. Texts in, vectors out: our own shape, and those of OpenAI and Ollama for programs that speak them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /embed`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbedRequest {
    /// The texts, at least one; an empty text is a text.
    pub texts: Vec<String>,
    /// Which model; the configured default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What the texts are, for models that treat queries and documents differently.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<TextKind>,
    /// How the vectors travel.
    #[serde(default)]
    pub encoding: VectorEncoding,
}

/// What a text is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TextKind {
    /// It is searched with.
    Query,
    /// It is searched for.
    Document,
}

/// How vectors travel in an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VectorEncoding {
    /// Arrays of numbers, in `vectors` or `embedding`.
    #[default]
    Float,
    /// Base64 (RFC 4648 section 4, padded) of little-endian f32 components: a third of the bytes, and far cheaper to read.
    Base64,
}

/// Answer to [`EmbedRequest`]: either `vectors` or `vectors_b64` is there, as asked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct EmbedResponse {
    /// One unit vector for each text, in order: `[texts, dimension]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<Vec<f32>>,
    /// The same, each in base64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors_b64: Vec<String>,
    /// Components of a vector.
    pub dimension: usize,
    /// The model that made them.
    pub model: String,
    /// The texts that are longer than the model reads, and were cut off; absent if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<Truncated>,
}

/// A text whose end was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Truncated {
    /// Which text, counted from 0.
    pub index: usize,
    /// How many tokens were read.
    pub read: u64,
    /// How many it has; absent where the provider that cut it off does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

/// One text, or several: OpenAI and Ollama take both.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Input {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl Input {
    /// As a list.
    pub fn into_texts(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }
}

/// What OpenAI takes: texts, or the ids of their tokens in the vocabulary of the model.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum OpenAiInput {
    /// One text, or several.
    Texts(Input),
    /// One text, as its tokens.
    Tokens(Vec<u32>),
    /// Several.
    TokenLists(Vec<Vec<u32>>),
}

/// Body of `POST /v1/embeddings`, as OpenAI defines it. Members that we have no use for, such as `user`, are ignored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OpenAiEmbedRequest {
    /// The texts.
    pub input: OpenAiInput,
    /// Which model.
    pub model: String,
    /// How the vectors travel; absent: as numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding_format: Option<VectorEncoding>,
    /// Components wanted: each vector's first ones, at unit length again. Absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
}

/// Answer to [`OpenAiEmbedRequest`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OpenAiEmbedResponse {
    /// Always `"list"`.
    #[serde(default)]
    pub object: String,
    /// One entry for each text; `index` says which.
    pub data: Vec<OpenAiEmbedding>,
    /// The model that made them.
    #[serde(default)]
    pub model: String,
    /// What it cost.
    #[serde(default)]
    pub usage: OpenAiEmbedUsage,
    /// The texts that were cut off; absent if there is none. OpenAI has no such member, and its clients pass it over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<Truncated>,
}

/// One vector of an [`OpenAiEmbedResponse`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OpenAiEmbedding {
    /// Always `"embedding"`.
    #[serde(default)]
    pub object: String,
    /// Which text it belongs to, counted from 0.
    pub index: usize,
    /// The vector.
    pub embedding: EncodedVector,
}

/// A vector in one of the two encodings.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum EncodedVector {
    /// [`VectorEncoding::Float`].
    Float(Vec<f32>),
    /// [`VectorEncoding::Base64`].
    Base64(String),
}

/// Tokens read, those that the tokenizer puts around a text included; a repeated or remembered text counts each time.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct OpenAiEmbedUsage {
    /// Tokens of the texts.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// The same.
    #[serde(default)]
    pub total_tokens: u64,
}

/// Body of `POST /api/embed`, as Ollama defines it. Members that we have no use for, such as `keep_alive`, are ignored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OllamaEmbedRequest {
    /// Which model.
    pub model: String,
    /// The texts.
    pub input: Input,
    /// Whether a text that is longer than the model reads is cut off; if not, the request is refused. Absent: it is cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truncate: Option<bool>,
    /// Components wanted: each vector's first ones, at unit length again. Absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<usize>,
}

/// Answer to [`OllamaEmbedRequest`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OllamaEmbedResponse {
    /// The model that made them.
    #[serde(default)]
    pub model: String,
    /// One vector for each text, in order.
    pub embeddings: Vec<Vec<f32>>,
    /// Time it took, nanoseconds.
    #[serde(default)]
    pub total_duration: u64,
    /// Time that loading the model took, nanoseconds; 0, as models are loaded before they are asked.
    #[serde(default)]
    pub load_duration: u64,
    /// Tokens read.
    #[serde(default)]
    pub prompt_eval_count: u64,
    /// The texts that were cut off; absent if there is none. Ollama has no such member, and its clients pass it over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncated: Vec<Truncated>,
}
