//! Ollama's request as one of ours: images get their media type back, and calls the ids that older clients do not send.

use std::collections::VecDeque;

use serde_json::Value;
use service::ApiError;
use wire::chat::ollama::{ChatRequest, Message};
use wire::chat::{
    self, Content, FunctionCall, ImageUrl, JsonSchema, Part, ResponseFormat, Role, ToolCall, ToolKind,
};

/// What an image in base64 begins with: PNG, JPEG, GIF and WebP have each their first bytes.
const SIGNATURES: [(&str, &str); 4] =
    [("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp")];

pub(super) fn into_ours(request: ChatRequest) -> Result<chat::ChatRequest, ApiError> {
    let options = request.options.unwrap_or_default();
    Ok(chat::ChatRequest {
        messages: messages(request.messages)?,
        model: Some(request.model),
        provider: None,
        stream: request.stream.unwrap_or(true),
        temperature: options.temperature,
        top_p: options.top_p,
        max_tokens: options.num_predict.and_then(|limit| u32::try_from(limit).ok()),
        seed: options.seed,
        stop: options.stop,
        tools: request.tools,
        tool_choice: None,
        response_format: request.format.map(format).transpose()?.flatten(),
    })
}

fn format(format: Value) -> Result<Option<ResponseFormat>, ApiError> {
    match format {
        Value::Null => Ok(None),
        Value::String(word) if word.is_empty() => Ok(None),
        Value::String(word) if word == "json" => Ok(Some(ResponseFormat::JsonObject)),
        Value::Object(_) => {
            let json_schema =
                JsonSchema { name: "answer".into(), description: None, schema: format, strict: None };
            Ok(Some(ResponseFormat::JsonSchema { json_schema }))
        }
        other => Err(ApiError::invalid(format!("`format` is {other}, expected \"json\" or a JSON Schema"))),
    }
}

fn messages(messages: Vec<Message>) -> Result<Vec<chat::Message>, ApiError> {
    // The calls that still wait for their results, with the names of their functions.
    let mut open: VecDeque<(String, String)> = VecDeque::new();
    let mut ours = Vec::with_capacity(messages.len());
    for (place, message) in messages.into_iter().enumerate() {
        let calls = message.tool_calls.into_iter().enumerate().map(|(nth, call)| ToolCall {
            id: call.id.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("call_{place}_{nth}")),
            kind: ToolKind::Function,
            function: FunctionCall {
                name: call.function.name,
                arguments: Value::Object(call.function.arguments).to_string(),
            },
            extra_content: None,
        });
        let tool_calls: Vec<_> = calls.collect();
        open.extend(tool_calls.iter().map(|call| (call.id.clone(), call.function.name.clone())));
        let tool_call_id = match message.role {
            Role::Tool => message.tool_call_id.or_else(|| answered(&mut open, message.tool_name.as_deref())),
            _ => None,
        };
        ours.push(chat::Message {
            role: message.role,
            content: content(message.content, &message.images, place)?,
            tool_calls,
            tool_call_id,
            name: message.tool_name,
        });
    }
    Ok(ours)
}

/// The call that a result belongs to: the first of that name, or the first of all.
fn answered(open: &mut VecDeque<(String, String)>, name: Option<&str>) -> Option<String> {
    let is_it = |(_, called): &(String, String)| name.is_none_or(|name| name == called);
    let place = open.iter().position(is_it)?;
    open.remove(place).map(|(id, _)| id)
}

fn content(text: String, images: &[String], place: usize) -> Result<Content, ApiError> {
    if images.is_empty() {
        return Ok(Content::Text(text));
    }
    let mut parts = Vec::new();
    if !text.is_empty() {
        parts.push(Part::Text { text });
    }
    for (nth, image) in images.iter().enumerate() {
        let media_type = SIGNATURES.iter().find(|(start, _)| image.starts_with(start)).map(|(_, name)| name);
        let unknown = || {
            let reason = "is not the base64 of a PNG, JPEG, GIF or WebP image";
            ApiError::invalid(format!("`messages[{place}].images[{nth}]` {reason}"))
        };
        let url = format!("data:{};base64,{image}", media_type.ok_or_else(unknown)?);
        parts.push(Part::ImageUrl { image_url: ImageUrl { url, detail: None } });
    }
    Ok(Content::Parts(parts))
}
