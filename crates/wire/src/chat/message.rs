//! What a conversation is made of: messages, images, tool calls and their results. The shape is OpenAI's, which most
//! programs speak; [`super::ollama`] has a message of its own.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One message of a conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, or shown; empty where the model only calls tools.
    #[serde(default, deserialize_with = "null_is_default")]
    pub content: Content,
    /// The tools that the model wants called; in a message of the assistant only.
    #[serde(default, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The call that this message has the result of; in a message of a tool only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// The name of the tool, or of one of several people who speak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Message {
    /// `role` says `text`.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, content: Content::Text(text.into()), ..Self::default() }
    }
}

/// Who speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The rules of the conversation. OpenAI's newer models call this role `developer`.
    #[serde(alias = "developer")]
    System,
    /// The person, or the program, that asks.
    User,
    /// The model.
    #[default]
    Assistant,
    /// A tool that the model has called.
    Tool,
}

/// A text, or texts and images in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Content {
    /// Whole.
    Text(String),
    /// In parts.
    Parts(Vec<Part>),
}

impl Default for Content {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// Written by hand: what serde derives for `untagged` copies every text once more, and says of a wrong part only that nothing fits.
impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrParts;

        impl<'de> Visitor<'de> for TextOrParts {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    r#"`content` as a text, or as a list of {"type":"text","text":…} and {"type":"image_url","image_url":{"url":…}}"#,
                )
            }

            fn visit_str<E>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Content, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(parts)).map(Content::Parts)
            }
        }

        deserializer.deserialize_any(TextOrParts)
    }
}

impl Content {
    /// All that is text in it.
    pub fn text(&self) -> String {
        self.texts().collect()
    }

    /// The texts in it, in their order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (whole, parts): (_, &[Part]) = match self {
            Self::Text(text) => (Some(text.as_str()), &[]),
            Self::Parts(parts) => (None, parts),
        };
        whole.into_iter().chain(parts.iter().filter_map(Part::text))
    }

    /// Its parts; a text that is not empty is one.
    pub fn parts(&self) -> Vec<Part> {
        match self {
            Self::Text(text) if text.is_empty() => Vec::new(),
            Self::Text(text) => vec![Part::Text { text: text.clone() }],
            Self::Parts(parts) => parts.clone(),
        }
    }

    /// Whether it says and shows nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Parts(parts) => parts.iter().all(|part| part.text().is_some_and(str::is_empty)),
        }
    }
}

/// A part of a [`Content`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// A text.
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    ImageUrl {
        /// Where it is.
        image_url: ImageUrl,
    },
}

impl Part {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::ImageUrl { .. } => None,
        }
    }
}

/// Where an image is: at an address, or in a `data:` URL (RFC 2397).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageUrl {
    /// `https://…`, or `data:image/png;base64,…`.
    pub url: String,
    /// How closely to look: `low`, `high` or `auto`; providers other than OpenAI have no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl ImageUrl {
    /// Media type and base64 text of an image that the URL itself holds.
    pub fn inline(&self) -> Option<(&str, &str)> {
        self.url.strip_prefix("data:")?.split_once(";base64,")
    }
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Tool {
    /// Always `"function"`.
    #[serde(rename = "type", default)]
    pub kind: ToolKind,
    /// The function.
    pub function: Function,
}

/// What kind of tool: functions are the only one that all providers know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolKind {
    /// A function of the caller's.
    #[default]
    Function,
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Function {
    /// What the model calls it.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its parameters, as a JSON Schema of an object; absent: it takes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub parameters: Option<Value>,
    /// Whether the arguments must keep to the schema exactly, where the provider can see to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// Whether the model must call a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "`tool_choice` must be \"auto\", \"none\", \"required\" or {\"type\":\"function\",\"function\":{\"name\":…}}"
)]
pub enum ToolChoice {
    /// By one word.
    Mode(ToolMode),
    /// It must call this one.
    Named {
        /// Always `"function"`.
        #[serde(rename = "type")]
        kind: ToolKind,
        /// Which.
        function: FunctionName,
    },
}

/// Whether the model must call a tool, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ToolMode {
    /// As it sees fit.
    Auto,
    /// It must not.
    None,
    /// It must call at least one.
    Required,
}

/// Names a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FunctionName {
    /// The name.
    pub name: String,
}

/// A call that the model wants made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolCall {
    /// Names the call, so that the result can.
    pub id: String,
    /// Always `"function"`.
    #[serde(rename = "type", default)]
    pub kind: ToolKind,
    /// What to call, and with what.
    pub function: FunctionCall,
    /// What a provider wants back with the call, untouched. Gemini's signature of its thoughts stands in
    /// `google.thought_signature`, as it does in Google's own face of OpenAI's interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub extra_content: Option<Value>,
}

/// What to call, and with what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FunctionCall {
    /// The function.
    pub name: String,
    /// Its arguments: a JSON object, written as a text. Models make mistakes in it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub arguments: String,
}

/// A piece of a [`ToolCall`] in a streamed answer. The first piece of a call has its id and name, the pieces of
/// `arguments` add up to the whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolCallDelta {
    /// Which call of the answer, counted from 0.
    #[serde(default)]
    pub index: u32,
    /// Names the call; in its first piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Always `"function"`; in the first piece.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ToolKind>,
    /// The next piece.
    #[serde(default)]
    pub function: FunctionDelta,
    /// As in [`ToolCall`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub extra_content: Option<Value>,
}

impl ToolCallDelta {
    /// The first piece of the call `index`.
    pub fn first(index: u32, id: String, name: String, arguments: String) -> Self {
        let function = FunctionDelta { name: Some(name), arguments };
        Self { index, id: Some(id), kind: Some(ToolKind::Function), function, extra_content: None }
    }

    /// A later piece of the call `index`.
    pub fn next(index: u32, arguments: String) -> Self {
        Self { index, function: FunctionDelta { name: None, arguments }, ..Self::default() }
    }
}

/// A piece of a [`FunctionCall`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FunctionDelta {
    /// The function; in the first piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The next piece of the arguments.
    #[serde(default, deserialize_with = "null_is_default")]
    pub arguments: String,
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseFormat {
    /// Words.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON that keeps to a schema.
    JsonSchema {
        /// The schema and its name.
        json_schema: JsonSchema,
    },
}

/// A JSON Schema and its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JsonSchema {
    /// What the model is told that it is.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The schema.
    #[schema(value_type = Object)]
    pub schema: Value,
    /// Whether the answer must keep to the schema exactly, where the provider can see to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// Reads `null`, which many programs write for what they leave out, as the default.
pub(super) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads one text, several, or `null`.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text or a list of texts")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    let texts = Option::deserialize(deserializer)?.map(|texts| match texts {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    });
    Ok(texts.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn message_of_an_openai_client_round_trips() {
        let call = json!({"role": "assistant", "content": "", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
        let image = json!({"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]});
        let result = json!({"role": "tool", "content": "5", "tool_call_id": "c1"});
        for written in [call, image, result] {
            let message: Message = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(message).unwrap(), written);
        }
    }

    #[test]
    fn null_and_absent_content_are_empty_and_what_is_neither_text_nor_part_is_refused_by_name() {
        for written in [json!({"role": "assistant", "content": null}), json!({"role": "assistant"})] {
            assert!(serde_json::from_value::<Message>(written).unwrap().content.is_empty());
        }
        let refusal = |content: Value| {
            let message = json!({"role": "user", "content": content});
            serde_json::from_value::<Message>(message).unwrap_err().to_string()
        };
        let error = refusal(json!(5));
        assert!(error.contains("`5`, expected `content` as a text"), "{error}");
        let error = refusal(json!([{"type": "sound"}]));
        assert!(error.contains("`sound`, expected `text` or `image_url`"), "{error}");
    }

    #[test]
    fn image_in_a_data_url_is_taken_apart() {
        let image = |url: &str| ImageUrl { url: url.into(), detail: None };
        assert_eq!(image("data:image/png;base64,AAAA").inline(), Some(("image/png", "AAAA")));
        assert_eq!(image("https://example.com/a.png").inline(), None);
    }
}
