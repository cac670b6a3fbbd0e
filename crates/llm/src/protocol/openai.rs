//! OpenAI's interface: server-sent events, of which the last says `[DONE]`.

use provider::Endpoint;
use reqwest::Response;
use wire::chat::openai::{self, Chunk, Completion, StreamOptions};
use wire::chat::{ChatRequest, FinishReason, Message, Role, Usage};

use super::{Answer, Piece, Reader};

pub(super) const PATH: &str = "/v1/chat/completions";

pub(super) async fn complete(
    endpoint: &Endpoint,
    model: &str,
    request: &ChatRequest,
) -> provider::Result<Answer> {
    let body = body(model, request, false);
    let answer: Completion = endpoint.post(PATH, model, &body).await?;
    let choice = answer.choices.into_iter().next();
    let choice = choice.ok_or_else(|| endpoint.malformed(PATH, "it has no choice"))?;
    Ok(Answer {
        message: Message { role: Role::Assistant, content: choice.message.content.unwrap_or_default() },
        finish_reason: FinishReason::from_provider(choice.finish_reason.as_deref()),
        usage: answer.usage.unwrap_or_default(),
    })
}

pub(super) async fn open(
    endpoint: &Endpoint,
    model: &str,
    request: &ChatRequest,
) -> provider::Result<Response> {
    endpoint.post_streaming(PATH, model, &body(model, request, true)).await
}

fn body(model: &str, request: &ChatRequest, is_streamed: bool) -> openai::ChatRequest {
    openai::ChatRequest {
        model: model.to_owned(),
        messages: request.messages.iter().cloned().map(Into::into).collect(),
        stream: is_streamed,
        stream_options: is_streamed.then_some(StreamOptions { include_usage: true }),
        temperature: request.temperature,
        max_tokens: request.max_tokens,
    }
}

/// A line `data: …` is an event; the usage comes in a chunk of its own, after the one that says why the answer ended.
#[derive(Default)]
pub(super) struct EventReader {
    finish_reason: Option<String>,
    usage: Usage,
}

impl Reader for EventReader {
    fn read(&mut self, line: &[u8]) -> Result<Option<Piece>, String> {
        // Other fields, comments and the empty lines between events have nothing that is needed here.
        let Some(data) = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) else {
            return Ok(None);
        };
        if data == b"[DONE]" {
            let finish_reason = FinishReason::from_provider(self.finish_reason.as_deref());
            return Ok(Some(Piece::End { finish_reason, usage: self.usage }));
        }
        let json: serde_json::Value = serde_json::from_slice(data).map_err(|error| error.to_string())?;
        if let Some(error) = json.get("error").filter(|error| !error.is_null()) {
            return Err(error["message"].as_str().unwrap_or("an error without a message").to_owned());
        }
        let chunk: Chunk = serde_json::from_value(json).map_err(|error| error.to_string())?;
        self.usage = chunk.usage.unwrap_or(self.usage);
        let Some(choice) = chunk.choices.into_iter().next() else {
            return Ok(None);
        };
        self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
        let text = choice.delta.content.unwrap_or_default();
        Ok((!text.is_empty()).then_some(Piece::Text(text)))
    }
}
