//! Ollama: one JSON object a line, the last of which is `done`.

use provider::Endpoint;
use reqwest::Response;
use wire::chat::ollama::{self, Options};
use wire::chat::{ChatRequest, FinishReason, Usage};

use super::{Answer, Piece, Reader};

pub(super) const PATH: &str = "/api/chat";

pub(super) async fn complete(
    endpoint: &Endpoint,
    model: &str,
    request: &ChatRequest,
) -> provider::Result<Answer> {
    let body = body(model, request, false);
    let answer: ollama::ChatResponse = endpoint.post(PATH, model, &body).await?;
    if let Some(error) = answer.error {
        return Err(endpoint.malformed(PATH, error));
    }
    let (finish_reason, usage) = end(&answer);
    let missing = || endpoint.malformed(PATH, "it has no message");
    Ok(Answer { message: answer.message.ok_or_else(missing)?, finish_reason, usage })
}

pub(super) async fn open(
    endpoint: &Endpoint,
    model: &str,
    request: &ChatRequest,
) -> provider::Result<Response> {
    endpoint.post_streaming(PATH, model, &body(model, request, true)).await
}

fn body(model: &str, request: &ChatRequest, is_streamed: bool) -> ollama::ChatRequest {
    ollama::ChatRequest {
        model: model.to_owned(),
        messages: request.messages.clone(),
        // Said always: Ollama streams unless told not to.
        stream: Some(is_streamed),
        options: Some(Options { temperature: request.temperature, num_predict: request.max_tokens }),
    }
}

fn end(answer: &ollama::ChatResponse) -> (FinishReason, Usage) {
    let tokens = |count: Option<u64>| count.unwrap_or(0);
    let usage = Usage::new(tokens(answer.prompt_eval_count), tokens(answer.eval_count));
    (FinishReason::from_provider(answer.done_reason.as_deref()), usage)
}

/// A line is an object of its own.
pub(super) struct LineReader;

impl Reader for LineReader {
    fn read(&mut self, line: &[u8]) -> Result<Option<Piece>, String> {
        if line.is_empty() {
            return Ok(None);
        }
        let answer: ollama::ChatResponse = serde_json::from_slice(line).map_err(|error| error.to_string())?;
        if let Some(error) = answer.error {
            return Err(error);
        }
        if answer.done {
            let (finish_reason, usage) = end(&answer);
            return Ok(Some(Piece::End { finish_reason, usage }));
        }
        let text = answer.message.map(|message| message.content).unwrap_or_default();
        Ok((!text.is_empty()).then_some(Piece::Text(text)))
    }
}
