//! Anthropic's Messages API, version 2023-06-01: named server-sent events, content in blocks.
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>

use std::collections::HashMap;

use provider::Endpoint;
use serde::Deserialize;
use serde_json::{Value, json};
use wire::chat::{
    ChatRequest, FinishReason, Message, Part, ResponseFormat, Role, Tool, ToolCallDelta, ToolChoice,
    ToolMode, Usage, openai,
};

use super::conversation::{add_turn, arguments, no_parameters, system};
use super::{Dialect, Event, Fault, Reader, parse, text, without_nulls};

/// The interface asks for a limit always; this one, when the request has none.
const DEFAULT_MAX_TOKENS: u32 = 4096;

pub(super) struct Anthropic;

impl Dialect for Anthropic {
    fn path(&self, _: &str, _: bool) -> String {
        "/v1/messages".into()
    }

    fn body(
        &self,
        _: &Endpoint,
        model: &str,
        request: &ChatRequest,
        is_streamed: bool,
    ) -> Result<Vec<u8>, String> {
        let stop = (!request.stop.is_empty()).then_some(&request.stop);
        let tools: Vec<Value> = request.tools.iter().map(tool).collect();
        text(&without_nulls(json!({
            "model": model,
            "max_tokens": request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
            "system": system(&request.messages),
            "messages": turns(&request.messages)?,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop_sequences": stop,
            "tools": (!tools.is_empty()).then_some(tools),
            "tool_choice": request.tool_choice.as_ref().map(tool_choice),
            "output_config": output_config(request.response_format.as_ref())?,
            "stream": is_streamed,
        })))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(EventReader::default())
    }

    fn whole(&self, answer: &[u8]) -> Result<Vec<Event>, Fault> {
        let answer: Value = parse(answer)?;
        fault_in(&answer)?;
        let answer: Answer = serde_json::from_value(answer)?;
        let (mut events, mut calls) = (Vec::new(), 0..);
        for block in answer.content {
            match block {
                Block::Text { text } => events.extend((!text.is_empty()).then_some(Event::Text(text))),
                Block::ToolUse { id, name, input } => {
                    let index = calls.next().unwrap_or_default();
                    events.push(Event::ToolCall(ToolCallDelta::first(index, id, name, input.to_string())));
                }
                Block::Other => {}
            }
        }
        events.push(Event::Usage(answer.usage.total()));
        events.push(Event::End(finish_reason(answer.stop_reason.as_deref())));
        Ok(events)
    }

    fn models_path(&self) -> &'static str {
        "/v1/models?limit=1000"
    }

    /// The members that matter are those of OpenAI's list.
    fn models(&self, list: Value) -> serde_json::Result<Vec<String>> {
        let models: openai::Models = serde_json::from_value(list)?;
        Ok(models.data.into_iter().map(|model| model.id).collect())
    }
}

fn tool(tool: &Tool) -> Value {
    let function = &tool.function;
    without_nulls(json!({
        "name": function.name,
        "description": function.description,
        "input_schema": function.parameters.clone().unwrap_or_else(no_parameters),
        "strict": function.strict,
    }))
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Mode(ToolMode::Auto) => json!({"type": "auto"}),
        ToolChoice::Mode(ToolMode::None) => json!({"type": "none"}),
        ToolChoice::Mode(ToolMode::Required) => json!({"type": "any"}),
        ToolChoice::Named { function, .. } => json!({"type": "tool", "name": function.name}),
    }
}

fn output_config(format: Option<&ResponseFormat>) -> Result<Option<Value>, String> {
    match format {
        None | Some(ResponseFormat::Text) => Ok(None),
        Some(ResponseFormat::JsonSchema { json_schema }) => {
            Ok(Some(json!({"format": {"type": "json_schema", "schema": json_schema.schema}})))
        }
        Some(ResponseFormat::JsonObject) => {
            Err("it has no JSON without a schema: send `response_format` of type \"json_schema\"".into())
        }
    }
}

/// The conversation as turns of `user` and `assistant`; what tools say comes from the user.
fn turns(messages: &[Message]) -> Result<Vec<Value>, String> {
    let mut turns = Vec::new();
    for message in messages {
        match message.role {
            Role::System => {}
            Role::User => add_turn(&mut turns, "user", blocks(message)),
            Role::Tool => {
                let result = json!({"type": "tool_result", "tool_use_id": message.tool_call_id,
                    "content": blocks(message)});
                add_turn(&mut turns, "user", vec![result]);
            }
            Role::Assistant => {
                let mut said = blocks(message);
                for call in &message.tool_calls {
                    let input = arguments(&call.function)?;
                    said.push(json!({"type": "tool_use", "id": call.id, "name": call.function.name,
                        "input": input}));
                }
                add_turn(&mut turns, "assistant", said);
            }
        }
    }
    Ok(turns.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect())
}

fn blocks(message: &Message) -> Vec<Value> {
    let blocks = message.content.parts().into_iter().map(|part| match part {
        Part::Text { text } => json!({"type": "text", "text": text}),
        Part::ImageUrl { image_url } => {
            let source = match image_url.inline() {
                Some((media_type, data)) => json!({"type": "base64", "media_type": media_type, "data": data}),
                None => json!({"type": "url", "url": image_url.url}),
            };
            json!({"type": "image", "source": source})
        }
    });
    blocks.collect()
}

#[derive(Deserialize)]
struct Answer {
    content: Vec<Block>,
    stop_reason: Option<String>,
    #[serde(default)]
    usage: Tokens,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block {
    Text {
        text: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    /// Thoughts, and whatever comes to be.
    #[serde(other)]
    Other,
}

/// The counts so far; a later event repeats those that it knows, and leaves the others out.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
struct Tokens {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Tokens {
    fn or(self, earlier: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.or(earlier.input_tokens),
            cache_creation_input_tokens: self
                .cache_creation_input_tokens
                .or(earlier.cache_creation_input_tokens),
            cache_read_input_tokens: self.cache_read_input_tokens.or(earlier.cache_read_input_tokens),
            output_tokens: self.output_tokens.or(earlier.output_tokens),
        }
    }

    /// Tokens of the cache are read as well, at another price: `input_tokens` does not have them.
    fn total(self) -> Usage {
        let prompt = [self.input_tokens, self.cache_creation_input_tokens, self.cache_read_input_tokens];
        Usage::new(prompt.into_iter().flatten().sum(), self.output_tokens.unwrap_or(0))
    }
}

fn finish_reason(word: Option<&str>) -> FinishReason {
    match word {
        None | Some("end_turn" | "stop_sequence") => FinishReason::Stop,
        Some("max_tokens" | "model_context_window_exceeded") => FinishReason::Length,
        Some("tool_use") => FinishReason::ToolCalls,
        Some(_) => FinishReason::Other,
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StreamEvent {
    MessageStart {
        message: Started,
    },
    ContentBlockStart {
        index: u64,
        content_block: Block,
    },
    ContentBlockDelta {
        index: u64,
        delta: BlockDelta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: MessageDelta,
        #[serde(default)]
        usage: Tokens,
    },
    MessageStop,
    /// `ping`, and whatever comes to be: the interface asks its callers to take events that they do not know.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Started {
    #[serde(default)]
    usage: Tokens,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockDelta {
    TextDelta {
        text: String,
    },
    InputJsonDelta {
        partial_json: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageDelta {
    stop_reason: Option<String>,
}

#[derive(Default)]
struct EventReader {
    usage: Tokens,
    stop_reason: Option<String>,
    /// Which tool call a block is, and whether any of its arguments have come.
    calls: HashMap<u64, (u32, bool)>,
}

impl EventReader {
    fn start(&mut self, index: u64, block: Block) -> Option<Event> {
        match block {
            Block::Text { text } => (!text.is_empty()).then_some(Event::Text(text)),
            Block::ToolUse { id, name, .. } => {
                let call = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
                self.calls.insert(index, (call, false));
                Some(Event::ToolCall(ToolCallDelta::first(call, id, name, String::new())))
            }
            Block::Other => None,
        }
    }

    fn go_on(&mut self, index: u64, delta: BlockDelta) -> Option<Event> {
        match delta {
            BlockDelta::TextDelta { text } => (!text.is_empty()).then_some(Event::Text(text)),
            BlockDelta::InputJsonDelta { partial_json } if !partial_json.is_empty() => {
                let (call, has_arguments) = self.calls.get_mut(&index)?;
                *has_arguments = true;
                Some(Event::ToolCall(ToolCallDelta::next(*call, partial_json)))
            }
            BlockDelta::InputJsonDelta { .. } | BlockDelta::Other => None,
        }
    }

    /// A tool without parameters may come without any of its arguments, which still are an object.
    fn stop(&self, index: u64) -> Option<Event> {
        let (call, has_arguments) = *self.calls.get(&index)?;
        (!has_arguments).then(|| Event::ToolCall(ToolCallDelta::next(call, "{}".into())))
    }
}

impl Reader for EventReader {
    fn read(&mut self, frame: &[u8]) -> Result<Vec<Event>, Fault> {
        let json: Value = parse(frame)?;
        fault_in(&json)?;
        let event = match serde_json::from_value(json)? {
            StreamEvent::MessageStart { message: Started { usage } } => {
                self.usage = usage;
                Some(Event::Usage(usage.total()))
            }
            StreamEvent::ContentBlockStart { index, content_block } => self.start(index, content_block),
            StreamEvent::ContentBlockDelta { index, delta } => self.go_on(index, delta),
            StreamEvent::ContentBlockStop { index } => self.stop(index),
            StreamEvent::MessageDelta { delta, usage } => {
                self.stop_reason = delta.stop_reason.or(self.stop_reason.take());
                self.usage = usage.or(self.usage);
                Some(Event::Usage(self.usage.total()))
            }
            StreamEvent::MessageStop => Some(Event::End(finish_reason(self.stop_reason.as_deref()))),
            StreamEvent::Other => None,
        };
        Ok(event.into_iter().collect())
    }

    fn closed(&mut self) -> Option<Event> {
        None
    }
}

/// An error after the answer had begun, with the status that its type has otherwise.
/// <https://platform.claude.com/docs/en/api/errors>
fn fault_in(json: &Value) -> Result<(), Fault> {
    if json["type"] != "error" {
        return Ok(());
    }
    let error = &json["error"];
    let status = match error["type"].as_str().unwrap_or_default() {
        "invalid_request_error" => Some(400),
        "authentication_error" => Some(401),
        "permission_error" => Some(403),
        "not_found_error" => Some(404),
        "request_too_large" => Some(413),
        "rate_limit_error" => Some(429),
        "api_error" => Some(500),
        "timeout_error" => Some(504),
        "overloaded_error" => Some(529),
        _ => None,
    };
    let reason = error["message"].as_str().unwrap_or("an error without a message").to_owned();
    Err(Fault { status, reason })
}
