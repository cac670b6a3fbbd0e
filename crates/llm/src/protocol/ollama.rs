//! Ollama's interface, on its own machine and as its public service: one JSON object a line, the last of which is `done`.

use provider::Endpoint;
use serde_json::{Value, json};
use wire::chat::ollama::{self, Options};
use wire::chat::{
    ChatRequest, FinishReason, Message, Part, ResponseFormat, Role, ToolCallDelta, ToolChoice, ToolMode,
    Usage,
};

use super::conversation::{arguments, function_of, functions};
use super::{Dialect, Event, Fault, Reader, parse, text};
use crate::frames::Framing;

pub(super) struct Ollama;

impl Dialect for Ollama {
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn path(&self, _: &str, _: bool) -> String {
        "/api/chat".into()
    }

    fn body(
        &self,
        _: &Endpoint,
        model: &str,
        request: &ChatRequest,
        is_streamed: bool,
    ) -> Result<Vec<u8>, String> {
        let functions = functions(&request.messages);
        let messages = request.messages.iter().map(|message| {
            let tool_name = match message.role {
                Role::Tool => function_of(message, &functions).map(str::to_owned),
                _ => None,
            };
            into_theirs(message, tool_name)
        });
        let body = ollama::ChatRequest {
            model: model.to_owned(),
            messages: messages.collect::<Result<_, _>>()?,
            // Said always: Ollama streams unless told not to.
            stream: Some(is_streamed),
            tools: if may_call(request.tool_choice.as_ref())? { request.tools.clone() } else { Vec::new() },
            format: request.response_format.as_ref().and_then(format),
            options: Some(Options {
                temperature: request.temperature,
                top_p: request.top_p,
                num_predict: request.max_tokens.map(i64::from),
                seed: request.seed,
                stop: request.stop.clone(),
            }),
        };
        text(&body)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(LineReader::default())
    }

    fn whole(&self, answer: &[u8]) -> Result<Vec<Event>, Fault> {
        let answer: ollama::ChatResponse = parse(answer)?;
        if answer.error.is_none() && answer.message.is_none() {
            return Err(Fault::malformed("it has no message"));
        }
        LineReader::default().take(ollama::ChatResponse { done: true, ..answer })
    }

    fn models_path(&self) -> &'static str {
        "/api/tags"
    }

    fn models(&self, list: Value) -> serde_json::Result<Vec<String>> {
        let tags: ollama::Tags = serde_json::from_value(list)?;
        Ok(tags.models.into_iter().map(|tag| tag.name).collect())
    }
}

/// Ollama leaves it to the model whether it calls a tool.
fn may_call(choice: Option<&ToolChoice>) -> Result<bool, String> {
    match choice {
        None | Some(ToolChoice::Mode(ToolMode::Auto)) => Ok(true),
        Some(ToolChoice::Mode(ToolMode::None)) => Ok(false),
        Some(_) => {
            Err("it cannot make a model call a tool: `tool_choice` may be \"auto\" or \"none\"".into())
        }
    }
}

fn format(format: &ResponseFormat) -> Option<Value> {
    match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonObject => Some(json!("json")),
        ResponseFormat::JsonSchema { json_schema } => Some(json_schema.schema.clone()),
    }
}

fn into_theirs(message: &Message, tool_name: Option<String>) -> Result<ollama::Message, String> {
    let images = message.content.parts().into_iter().filter_map(|part| match part {
        Part::ImageUrl { image_url } => Some(image_url),
        Part::Text { .. } => None,
    });
    let images = images.map(|image| {
        let reason = "it takes images only in the request: send `data:image/…;base64,…`, not an address";
        image.inline().map(|(_, base64)| base64.to_owned()).ok_or_else(|| reason.to_owned())
    });
    let calls = message.tool_calls.iter().map(|call| {
        let function =
            ollama::FunctionCall { name: call.function.name.clone(), arguments: arguments(&call.function)? };
        Ok::<_, String>(ollama::ToolCall { id: Some(call.id.clone()), function })
    });
    Ok(ollama::Message {
        role: message.role,
        content: message.content.text(),
        images: images.collect::<Result<_, _>>()?,
        tool_calls: calls.collect::<Result<_, _>>()?,
        tool_name,
        tool_call_id: message.tool_call_id.clone(),
    })
}

/// A line is an answer of its own, or a piece of one. Tool calls come whole.
#[derive(Default)]
struct LineReader {
    calls: u32,
}

impl LineReader {
    fn take(&mut self, answer: ollama::ChatResponse) -> Result<Vec<Event>, Fault> {
        if let Some(error) = answer.error {
            return Err(Fault::malformed(error));
        }
        let mut events = Vec::new();
        let message = answer.message.unwrap_or_default();
        if !message.content.is_empty() {
            events.push(Event::Text(message.content));
        }
        for call in message.tool_calls {
            // Older servers do not name calls; the name needs to be unique within the conversation.
            let id = call.id.filter(|id| !id.is_empty()).unwrap_or_else(crate::answer::new_call_id);
            let arguments = Value::Object(call.function.arguments).to_string();
            events.push(Event::ToolCall(ToolCallDelta::first(self.calls, id, call.function.name, arguments)));
            self.calls += 1;
        }
        if answer.done {
            if answer.prompt_eval_count.is_some() || answer.eval_count.is_some() {
                let (prompt, written) = (answer.prompt_eval_count, answer.eval_count);
                events.push(Event::Usage(Usage::new(prompt.unwrap_or(0), written.unwrap_or(0))));
            }
            events.push(Event::End(FinishReason::from_provider(answer.done_reason.as_deref())));
        }
        Ok(events)
    }
}

impl Reader for LineReader {
    fn read(&mut self, frame: &[u8]) -> Result<Vec<Event>, Fault> {
        self.take(parse(frame)?)
    }

    fn closed(&mut self) -> Option<Event> {
        None
    }
}
