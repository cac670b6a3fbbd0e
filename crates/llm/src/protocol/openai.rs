//! OpenAI's interface: server-sent events, of which the last says `[DONE]`.

use provider::Endpoint;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wire::chat::openai::{self, Choice, ChunkChoice, StreamOptions};
use wire::chat::{ChatRequest, FinishReason, ToolCallDelta, Usage};

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
        let (choice, usage) = read::<Choice>(answer)?;
        let choice = choice.ok_or_else(|| Fault::malformed("it has no choice"))?;
        let mut events = Vec::new();
        events.extend(choice.message.content.filter(|text| !text.is_empty()).map(Event::Text));
        for (index, call) in (0..).zip(choice.message.tool_calls) {
            let (name, arguments) = (call.function.name, call.function.arguments);
            let first = ToolCallDelta::first(index, call.id, name, arguments);
            events.push(Event::ToolCall(ToolCallDelta { extra_content: call.extra_content, ..first }));
        }
        events.extend(usage.map(Event::Usage));
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
        let (choice, usage) = read::<ChunkChoice>(frame)?;
        let mut events = Vec::new();
        // Some servers begin, or keep the connection alive, with a chunk without a choice.
        if let Some(choice) = choice {
            self.has_choice = true;
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
            events.extend(choice.delta.content.filter(|text| !text.is_empty()).map(Event::Text));
            events.extend(choice.delta.tool_calls.into_iter().map(Event::ToolCall));
        }
        events.extend(usage.map(Event::Usage));
        Ok(events)
    }

    /// Some servers do not say `[DONE]`: an answer that has said why it ended is whole.
    fn closed(&mut self) -> Option<Event> {
        let reason = self.finish_reason.take()?;
        Some(Event::End(FinishReason::from_provider(Some(&reason))))
    }
}

/// What is needed of an answer, or of a chunk of one. Its id and the name of its model are not: of a streamed answer they would be
/// copied for each token.
#[derive(Deserialize)]
#[serde(bound = "C: DeserializeOwned")]
struct Answer<C> {
    #[serde(default)]
    error: Value,
    choices: Option<Vec<C>>,
    usage: Option<Usage>,
}

/// The first choice in `json`, and what it cost.
fn read<C: DeserializeOwned>(json: &[u8]) -> Result<(Option<C>, Option<Usage>), Fault> {
    let Answer { error, choices, usage } = parse(json)?;
    fault_in(&error)?;
    Ok((choices.and_then(|choices| choices.into_iter().next()), usage))
}

/// An error that came with status 200, or after the answer had begun.
fn fault_in(error: &Value) -> Result<(), Fault> {
    if error.is_null() {
        return Ok(());
    }
    let reason = error.as_str().or_else(|| error["message"].as_str()).unwrap_or("an error without a message");
    // A number in `code` is an HTTP status, as OpenRouter and llama.cpp write it; OpenAI's own codes are words.
    let status = error["code"].as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| *code >= 400);
    Err(Fault { status, reason: reason.to_owned() })
}
