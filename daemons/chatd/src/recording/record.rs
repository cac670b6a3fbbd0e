//! One exchange as an event, in the words of OpenTelemetry's semantic conventions for generative AI, version 1.37.0: event
//! `gen_ai.client.inference.operation.details`
//! (<https://github.com/open-telemetry/semantic-conventions/blob/v1.37.0/docs/gen-ai/gen-ai-events.md>). What they have no word for
//! begins with `lakehouse.`.

use std::time::Duration;

use jiff::Timestamp;
use llm::Attempt;
use serde_json::{Map, Value, json};
use uuid::Uuid;
use wire::chat::{ChatRequest, Content, FinishReason, Message, Part, ResponseFormat, Role, Usage};
use wire::observer::{Event, MAX_ATTRIBUTES_BYTES};

/// The kind of the events.
const KIND: &str = "gen_ai.client.inference.operation.details";
/// The version of the conventions.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";
/// The longest name of a model that is recorded whole, bytes.
const MAX_NAME_BYTES: usize = 256;
/// What goes first where an event is too large.
const LARGE: [&str; 4] = [
    "gen_ai.input.messages",
    "gen_ai.system_instructions",
    "gen_ai.output.messages",
    "gen_ai.request.stop_sequences",
];

/// What is known of an exchange when it begins.
#[derive(Debug)]
pub(crate) struct Asked {
    time: Timestamp,
    attributes: Map<String, Value>,
}

/// What has become of it.
#[derive(Debug, Default)]
pub(crate) struct Record {
    attempts: u64,
    provider: String,
    model: String,
    outcome: &'static str,
    usage: Usage,
    finish_reason: Option<FinishReason>,
    first_token: Option<Duration>,
    took: Duration,
    /// What the model has said, where that is recorded.
    pub(crate) said: Option<Message>,
}

impl Asked {
    /// With what was said, if `has_content`.
    pub(crate) fn new(request: &ChatRequest, request_id: &str, trace_id: &str, has_content: bool) -> Self {
        let mut attributes = Map::new();
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                attributes.insert(name.to_owned(), value);
            }
        };
        set("schema_url", SCHEMA.into());
        set("gen_ai.operation.name", "chat".into());
        set("gen_ai.request.model", json!(request.model.as_deref().map(name)));
        set("gen_ai.request.temperature", json!(request.temperature));
        set("gen_ai.request.top_p", json!(request.top_p));
        set("gen_ai.request.max_tokens", json!(request.max_tokens));
        set("gen_ai.request.seed", json!(request.seed));
        let stop = (!request.stop.is_empty()).then_some(&request.stop);
        set("gen_ai.request.stop_sequences", json!(stop));
        set("gen_ai.output.type", json!(request.response_format.as_ref().map(output_type)));
        set("lakehouse.stream", request.stream.into());
        set("lakehouse.request_id", request_id.into());
        set("lakehouse.trace_id", trace_id.into());
        if has_content {
            let (system, rest): (Vec<_>, Vec<_>) =
                request.messages.iter().partition(|message| message.role == Role::System);
            let system: Vec<Value> = system.into_iter().flat_map(parts).collect();
            set("gen_ai.system_instructions", json!((!system.is_empty()).then_some(system)));
            set("gen_ai.input.messages", rest.into_iter().map(said).collect());
        }
        Self { time: Timestamp::now(), attributes }
    }

    /// The event, once it is known how the exchange has ended.
    pub(crate) fn into_event(self, record: Record, server: &Server) -> Event {
        let Self { time, mut attributes } = self;
        let mut set = |name: &str, value: Value| {
            if !value.is_null() {
                attributes.insert(name.to_owned(), value);
            }
        };
        let is_answer = record.outcome == "answered";
        set("gen_ai.provider.name", server.provider_name.clone().into());
        set("server.address", json!(server.address));
        set("server.port", json!(server.port));
        set("gen_ai.response.model", json!((!record.model.is_empty()).then_some(name(&record.model))));
        let reason = record.finish_reason.map(FinishReason::as_provider);
        set("gen_ai.response.finish_reasons", json!(reason.map(|reason| [reason])));
        set("gen_ai.usage.input_tokens", record.usage.prompt_tokens.into());
        set("gen_ai.usage.output_tokens", record.usage.completion_tokens.into());
        set("error.type", json!((!is_answer).then_some(record.outcome)));
        if let Some(message) = &record.said {
            let mut message = said(message);
            message["finish_reason"] = reason.unwrap_or("error").into();
            set("gen_ai.output.messages", json!([message]));
        }
        set("lakehouse.provider", record.provider.into());
        set("lakehouse.attempts", record.attempts.into());
        set("lakehouse.usage_estimated", record.usage.estimated.into());
        set("lakehouse.duration_s", record.took.as_secs_f64().into());
        set("lakehouse.time_to_first_token_s", json!(record.first_token.map(|took| took.as_secs_f64())));
        shrink(&mut attributes);
        let id = Uuid::now_v7().to_string();
        Event { id, kind: KIND.to_owned(), time, role: None, attributes }
    }
}

impl Record {
    /// An attempt has ended. The last one counts; what all have cost adds up.
    pub(crate) fn note(&mut self, attempt: &Attempt<'_>) {
        self.attempts += 1;
        attempt.provider.clone_into(&mut self.provider);
        attempt.model.clone_into(&mut self.model);
        self.outcome = attempt.outcome;
        self.usage = self.usage.plus(attempt.usage);
        self.finish_reason = attempt.finish_reason;
        self.first_token = attempt.first_token;
        self.took += attempt.took;
    }

    /// Which provider was asked last; `None` if none was.
    pub(crate) fn provider(&self) -> Option<&str> {
        (self.attempts > 0).then_some(&self.provider)
    }
}

/// What the conventions call a provider, and where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Server {
    provider_name: String,
    address: Option<String>,
    port: Option<u16>,
}

impl Server {
    /// Of a provider of the configuration.
    pub(crate) fn of(settings: &llm::ProviderSettings) -> Self {
        // The conventions know "openai" and "anthropic" by the same words, and no Ollama.
        let provider_name = match settings.kind.as_str() {
            "gemini" => "gcp.gemini",
            "ollama_cloud" => "ollama",
            kind => kind,
        };
        let url: Option<axum::http::Uri> = settings.url.as_ref().and_then(|url| url.parse().ok());
        let address = url.as_ref().and_then(|url| url.host()).map(str::to_owned);
        let known = |url: &axum::http::Uri| match url.scheme_str() {
            Some("https") => 443,
            _ => 80,
        };
        let port = url.as_ref().filter(|_| address.is_some()).map(|url| url.port_u16().unwrap_or(known(url)));
        Self { provider_name: provider_name.to_owned(), address, port }
    }
}

/// Makes an event as small as observerd takes it.
fn shrink(attributes: &mut Map<String, Value>) {
    for large in LARGE {
        let bytes = serde_json::to_vec(attributes).map_or(usize::MAX, |json| json.len());
        if bytes <= MAX_ATTRIBUTES_BYTES {
            return;
        }
        if attributes.remove(large).is_some() {
            attributes.insert("lakehouse.cut".to_owned(), true.into());
        }
    }
}

/// Callers may call models anything.
fn name(model: &str) -> &str {
    &model[..model.floor_char_boundary(MAX_NAME_BYTES)]
}

fn output_type(format: &ResponseFormat) -> &'static str {
    match format {
        ResponseFormat::Text => "text",
        ResponseFormat::JsonObject | ResponseFormat::JsonSchema { .. } => "json",
    }
}

/// A message in the form of the conventions' JSON schemas for messages.
fn said(message: &Message) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    json!({"role": role, "parts": parts(message)})
}

/// Images are left out: they would fill the event.
fn parts(message: &Message) -> Vec<Value> {
    if message.role == Role::Tool {
        let id = message.tool_call_id.as_deref();
        return vec![json!({"type": "tool_call_response", "id": id, "result": message.content.text()})];
    }
    let texts = match &message.content {
        Content::Text(text) if text.is_empty() => Vec::new(),
        Content::Text(text) => vec![text.as_str()],
        Content::Parts(parts) => parts.iter().filter_map(text).collect(),
    };
    let texts = texts.into_iter().map(|text| json!({"type": "text", "content": text}));
    let calls = message.tool_calls.iter().map(|call| {
        let arguments = &call.function.arguments;
        let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
        json!({"type": "tool_call", "id": call.id, "name": call.function.name, "arguments": arguments})
    });
    texts.chain(calls).collect()
}

fn text(part: &Part) -> Option<&str> {
    match part {
        Part::Text { text } => Some(text),
        Part::ImageUrl { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_never_larger_than_observerd_takes_it() {
        let long = "é".repeat(20_000);
        let request = ChatRequest {
            messages: vec![Message::text(Role::User, long.clone())],
            model: Some(long.clone()),
            stop: vec![long.clone()],
            ..ChatRequest::default()
        };
        let record = Record {
            model: long.clone(),
            said: Some(Message::text(Role::Assistant, long)),
            ..Record::default()
        };
        let event = Asked::new(&request, "r", "t", true).into_event(record, &Server::default());
        assert!(serde_json::to_vec(&event.attributes).unwrap().len() <= MAX_ATTRIBUTES_BYTES);
        assert_eq!(event.attributes["lakehouse.cut"], true);
    }

    #[test]
    fn server_is_what_the_configuration_says() {
        let settings = |url: Option<&str>, kind| llm::ProviderSettings {
            url: url.map(str::to_owned),
            kind,
            ..llm::ProviderSettings::default()
        };
        let of = |url, kind| {
            let Server { provider_name, address, port } = Server::of(&settings(url, kind));
            (provider_name, address, port)
        };
        let expected = ("gcp.gemini".to_owned(), Some("example.com".to_owned()), Some(443));
        assert_eq!(of(Some("https://example.com/v1beta"), llm::Kind::Gemini), expected);
        assert_eq!(of(None, llm::Kind::Ollama), ("ollama".to_owned(), None, None));
    }
}
