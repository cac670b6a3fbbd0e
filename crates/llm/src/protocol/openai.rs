//! OpenAI's interface: server-sent events, of which the last says `[DONE]`.

use memchr::memmem;
use provider::Endpoint;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::chat::openai::{self, Chunk, Completion, StreamOptions};
use wire::chat::{ChatRequest, FinishReason, ToolCallDelta};

use super::{Dialect, Event, Fault, Reader, parse, text};

pub(super) struct OpenAi;

impl Dialect for OpenAi {
    fn path(&self, _: &str, _: bool) -> String {
        "/v1/chat/completions".into()
    }

    fn body(
        &self,
        endpoint: &Endpoint,
        model: &str,
        request: &ChatRequest,
        is_streamed: bool,
    ) -> Result<Vec<u8>, String> {
        // OpenAI's newer models refuse the older name of the limit; many other servers ignore the newer one.
        let (older, newer) = match endpoint.url().contains("://api.openai.com") {
            true => (None, request.max_tokens),
            false => (request.max_tokens, None),
        };
        let body = openai::ChatRequest {
            model: model.to_owned(),
            messages: request.messages.clone(),
            stream: is_streamed,
            stream_options: is_streamed.then_some(StreamOptions { include_usage: true }),
            temperature: request.temperature,
            top_p: request.top_p,
            max_tokens: older,
            max_completion_tokens: newer,
            seed: request.seed,
            stop: request.stop.clone(),
            tools: request.tools.clone(),
            tool_choice: request.tool_choice.clone(),
            response_format: request.response_format.clone(),
            n: None,
        };
        text(&body)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(EventReader::default())
    }

    fn whole(&self, answer: &[u8]) -> Result<Vec<Event>, Fault> {
        let answer: Completion = faultless(answer)?;
        let choice = answer.choices.into_iter().next().ok_or_else(|| Fault::malformed("it has no choice"))?;
        let mut events = Vec::new();
        events.extend(choice.message.content.filter(|text| !text.is_empty()).map(Event::Text));
        for (index, call) in (0..).zip(choice.message.tool_calls) {
            let (name, arguments) = (call.function.name, call.function.arguments);
            let first = ToolCallDelta::first(index, call.id, name, arguments);
            events.push(Event::ToolCall(ToolCallDelta { extra_content: call.extra_content, ..first }));
        }
        events.extend(answer.usage.map(Event::Usage));
        events.push(Event::End(FinishReason::from_provider(choice.finish_reason.as_deref())));
        Ok(events)
    }

    fn models_path(&self) -> &'static str {
        "/v1/models"
    }

    fn models(&self, list: Value) -> serde_json::Result<Vec<String>> {
        let models: openai::Models = serde_json::from_value(list)?;
        Ok(models.data.into_iter().map(|model| model.id).collect())
    }
}

/// The usage comes in a chunk of its own, after the one that says why the answer ended.
#[derive(Default)]
struct EventReader {
    has_choice: bool,
    finish_reason: Option<String>,
}

impl Reader for EventReader {
    fn read(&mut self, frame: &[u8]) -> Result<Vec<Event>, Fault> {
        if frame == b"[DONE]" {
            if !self.has_choice {
                return Err(Fault::malformed("it has no choice"));
            }
            return Ok(vec![Event::End(FinishReason::from_provider(self.finish_reason.as_deref()))]);
        }
        let chunk: Chunk = faultless(frame)?;
        let mut events = Vec::new();
        // Some servers begin, or keep the connection alive, with a chunk without a choice.
        if let Some(choice) = chunk.choices.into_iter().next() {
            self.has_choice = true;
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
            events.extend(choice.delta.content.filter(|text| !text.is_empty()).map(Event::Text));
            events.extend(choice.delta.tool_calls.into_iter().map(Event::ToolCall));
        }
        events.extend(chunk.usage.map(Event::Usage));
        Ok(events)
    }

    /// Some servers do not say `[DONE]`: an answer that has said why it ended is whole.
    fn closed(&mut self) -> Option<Event> {
        let reason = self.finish_reason.take()?;
        Some(Event::End(FinishReason::from_provider(Some(&reason))))
    }
}

/// Reads what is no error. It is read twice only where it may be one: a streamed answer has a text for each of its tokens.
fn faultless<T: DeserializeOwned>(json: &[u8]) -> Result<T, Fault> {
    if memmem::find(json, b"\"error\"").is_some() {
        fault_in(&parse(json)?)?;
    }
    parse(json)
}

/// An error that came with status 200, or after the answer had begun.
fn fault_in(json: &Value) -> Result<(), Fault> {
    let Some(error) = json.get("error").filter(|error| !error.is_null()) else { return Ok(()) };
    let reason = error.as_str().or_else(|| error["message"].as_str()).unwrap_or("an error without a message");
    // A number in `code` is an HTTP status, as OpenRouter and llama.cpp write it; OpenAI's own codes are words.
    let status = error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| *code >= 400);
    Err(Fault { status, reason: reason.to_owned() })
}
