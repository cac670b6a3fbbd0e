//! Google's Gemini API, v1beta: server-sent events, each an answer of its own shape; the last one says why it ended, and the
//! connection closes. <https://ai.google.dev/api/generate-content>

use std::collections::HashMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use provider::Endpoint;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use wire::chat::{
    ChatRequest, FinishReason, Message, Part, ResponseFormat, Role, Tool, ToolCall, ToolCallDelta,
    ToolChoice, ToolMode, Usage,
};

use super::conversation::{add_turn, arguments, function_of, functions, system};
use super::{Dialect, Event, Fault, Reader, parse, text, without_nulls};

/// What a segment of a path may hold as it is (RFC 3986, section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) struct Gemini;

impl Dialect for Gemini {
    fn path(&self, model: &str, is_streamed: bool) -> String {
        let model = utf8_percent_encode(model.strip_prefix("models/").unwrap_or(model), SEGMENT);
        let method = if is_streamed { "streamGenerateContent?alt=sse" } else { "generateContent" };
        format!("/v1beta/models/{model}:{method}")
    }

    fn body(&self, _: &Endpoint, _: &str, request: &ChatRequest, _: bool) -> Result<Vec<u8>, String> {
        let tools: Vec<Value> = request.tools.iter().map(tool).collect();
        let stop = (!request.stop.is_empty()).then_some(&request.stop);
        let (media_type, schema) = match &request.response_format {
            None | Some(ResponseFormat::Text) => (None, None),
            Some(ResponseFormat::JsonObject) => (Some("application/json"), None),
            Some(ResponseFormat::JsonSchema { json_schema }) => {
                (Some("application/json"), Some(&json_schema.schema))
            }
        };
        text(&without_nulls(json!({
            "systemInstruction": system(&request.messages).map(|text| json!({"parts": [{"text": text}]})),
            "contents": turns(&request.messages)?,
            "tools": (!tools.is_empty()).then(|| json!([{"functionDeclarations": tools}])),
            "toolConfig": request.tool_choice.as_ref().map(tool_config),
            "generationConfig": without_nulls(json!({
                "temperature": request.temperature,
                "topP": request.top_p,
                "maxOutputTokens": request.max_tokens,
                "seed": request.seed,
                "stopSequences": stop,
                "responseMimeType": media_type,
                "responseJsonSchema": schema,
            })),
        })))
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(EventReader::default())
    }

    fn whole(&self, answer: &[u8]) -> Result<Vec<Event>, Fault> {
        let mut reader = EventReader::default();
        let mut events = reader.read(answer)?;
        events.push(reader.closed().ok_or_else(|| Fault::malformed("it has no candidate"))?);
        Ok(events)
    }

    fn models_path(&self) -> &'static str {
        "/v1beta/models?pageSize=1000"
    }

    fn models(&self, list: Value) -> serde_json::Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Models {
            models: Vec<Model>,
        }
        #[derive(Deserialize)]
        struct Model {
            name: String,
        }
        let list: Models = serde_json::from_value(list)?;
        let names = list.models.into_iter().map(|model| model.name);
        Ok(names.map(|name| name.strip_prefix("models/").unwrap_or(&name).to_owned()).collect())
    }
}

fn tool(tool: &Tool) -> Value {
    let function = &tool.function;
    without_nulls(json!({
        "name": function.name,
        "description": function.description,
        "parametersJsonSchema": function.parameters,
    }))
}

fn tool_config(choice: &ToolChoice) -> Value {
    let config = match choice {
        ToolChoice::Mode(ToolMode::Auto) => json!({"mode": "AUTO"}),
        ToolChoice::Mode(ToolMode::None) => json!({"mode": "NONE"}),
        ToolChoice::Mode(ToolMode::Required) => json!({"mode": "ANY"}),
        ToolChoice::Named { function, .. } => json!({"mode": "ANY", "allowedFunctionNames": [function.name]}),
    };
    json!({"functionCallingConfig": config})
}

/// The conversation as turns of `user` and `model`; what tools say comes from the user.
fn turns(messages: &[Message]) -> Result<Vec<Value>, String> {
    let (functions, mut turns) = (functions(messages), Vec::new());
    for message in messages {
        match message.role {
            Role::System => {}
            Role::User => add_turn(&mut turns, "user", parts(message)?),
            Role::Tool => add_turn(&mut turns, "user", vec![result(message, &functions)]),
            Role::Assistant => {
                let mut said = parts(message)?;
                for call in &message.tool_calls {
                    said.push(called(call)?);
                }
                add_turn(&mut turns, "model", said);
            }
        }
    }
    Ok(turns.into_iter().map(|(role, parts)| json!({"role": role, "parts": parts})).collect())
}

fn parts(message: &Message) -> Result<Vec<Value>, String> {
    let parts = message.content.parts().into_iter().map(|part| match part {
        Part::Text { text } => Ok(json!({"text": text})),
        Part::ImageUrl { image_url } => {
            let reason = "it takes images only in the request: send `data:image/…;base64,…`, not an address";
            let (media_type, data) = image_url.inline().ok_or(reason)?;
            Ok(json!({"inlineData": {"mimeType": media_type, "data": data}}))
        }
    });
    parts.collect()
}

/// A call that the model has made, with the signature of its thoughts, which newer models insist on.
fn called(call: &ToolCall) -> Result<Value, String> {
    let signature = call.extra_content.as_ref().map(|extra| extra["google"]["thought_signature"].clone());
    Ok(without_nulls(json!({
        "functionCall": {"name": call.function.name, "args": arguments(&call.function)?},
        "thoughtSignature": signature,
    })))
}

/// The result of a call, which has to be an object.
fn result(message: &Message, functions: &HashMap<&str, &str>) -> Value {
    let text = message.content.text();
    let response: Map<String, Value> =
        serde_json::from_str(&text).unwrap_or_else(|_| Map::from_iter([("result".to_owned(), json!(text))]));
    let name = function_of(message, functions).unwrap_or_default();
    json!({"functionResponse": {"name": name, "response": response}})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    candidates: Vec<Candidate>,
    prompt_feedback: Option<PromptFeedback>,
    usage_metadata: Option<Tokens>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(default)]
    content: Turn,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Turn {
    #[serde(default)]
    parts: Vec<TurnPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TurnPart {
    text: Option<String>,
    /// Whether this is a thought, and no part of the answer.
    #[serde(default)]
    thought: bool,
    function_call: Option<Call>,
    thought_signature: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    id: Option<String>,
    name: String,
    #[serde(default)]
    args: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback {
    block_reason: Option<String>,
}

/// The counts so far; absent ones are 0.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Tokens {
    prompt_token_count: u64,
    candidates_token_count: u64,
    thoughts_token_count: u64,
}

#[derive(Default)]
struct EventReader {
    finish_reason: Option<FinishReason>,
    calls: u32,
}

impl EventReader {
    fn take(&mut self, answer: Value) -> Result<Vec<Event>, Fault> {
        fault_in(&answer)?;
        let answer: Answer = serde_json::from_value(answer)?;
        let mut events = Vec::new();
        if let Some(candidate) = answer.candidates.into_iter().next() {
            for part in candidate.content.parts {
                events.extend(self.part(part));
            }
            self.finish_reason = candidate.finish_reason.as_deref().map(finish_reason).or(self.finish_reason);
        } else if answer.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some()) {
            // The filter has refused the prompt: there will be no candidate.
            self.finish_reason = Some(FinishReason::Other);
        }
        let usage = answer.usage_metadata.map(|tokens| {
            let written = tokens.candidates_token_count.saturating_add(tokens.thoughts_token_count);
            Event::Usage(Usage::new(tokens.prompt_token_count, written))
        });
        events.extend(usage);
        Ok(events)
    }

    /// Calls come whole, each in a part.
    fn part(&mut self, part: TurnPart) -> Option<Event> {
        if let Some(call) = part.function_call {
            let id = call.id.unwrap_or_else(crate::answer::new_call_id);
            let arguments = Value::Object(call.args).to_string();
            let first = ToolCallDelta::first(self.calls, id, call.name, arguments);
            self.calls += 1;
            let extra_content =
                part.thought_signature.map(|signature| json!({"google": {"thought_signature": signature}}));
            return Some(Event::ToolCall(ToolCallDelta { extra_content, ..first }));
        }
        let text = part.text.filter(|text| !text.is_empty() && !part.thought)?;
        Some(Event::Text(text))
    }
}

impl Reader for EventReader {
    fn read(&mut self, frame: &[u8]) -> Result<Vec<Event>, Fault> {
        self.take(parse(frame)?)
    }

    fn closed(&mut self) -> Option<Event> {
        self.finish_reason.take().map(Event::End)
    }
}

fn finish_reason(word: &str) -> FinishReason {
    match word {
        "STOP" => FinishReason::Stop,
        "MAX_TOKENS" => FinishReason::Length,
        _ => FinishReason::Other,
    }
}

/// An error after the answer had begun (google.rpc.Status; its `code` is an HTTP status).
fn fault_in(json: &Value) -> Result<(), Fault> {
    let Some(error) = json.get("error") else { return Ok(()) };
    let status = error["code"].as_u64().and_then(|code| u16::try_from(code).ok());
    let reason = error["message"].as_str().unwrap_or("an error without a message").to_owned();
    Err(Fault { status, reason })
}
