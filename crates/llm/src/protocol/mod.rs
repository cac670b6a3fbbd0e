//! The two interfaces: how to ask, and how to read the answer.

mod ollama;
mod openai;

use async_stream::try_stream;
use futures::Stream;
use provider::{Endpoint, Kind};
use reqwest::Response;
use wire::chat::{ChatRequest, FinishReason, Message, Usage};

use crate::lines::Lines;

/// A piece of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The next part of the text; never empty.
    Text(String),
    /// The answer is whole.
    End {
        /// Why it ended.
        finish_reason: FinishReason,
        /// What it cost.
        usage: Usage,
    },
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) message: Message,
    pub(crate) finish_reason: FinishReason,
    pub(crate) usage: Usage,
}

/// Asks `model` at `endpoint` and waits for the whole answer.
pub(crate) async fn complete(
    endpoint: &Endpoint,
    model: &str,
    request: &ChatRequest,
) -> provider::Result<Answer> {
    match endpoint.kind() {
        Kind::Ollama => ollama::complete(endpoint, model, request).await,
        Kind::OpenAi => openai::complete(endpoint, model, request).await,
    }
}

/// Asks `model` at `endpoint` and reads the answer as it comes; the last piece is [`Piece::End`], or an error.
pub(crate) fn stream(
    endpoint: Endpoint,
    model: String,
    request: ChatRequest,
) -> impl Stream<Item = provider::Result<Piece>> {
    try_stream! {
        let (path, mut reader): (_, Box<dyn Reader>) = match endpoint.kind() {
            Kind::Ollama => (ollama::PATH, Box::new(ollama::LineReader)),
            Kind::OpenAi => (openai::PATH, Box::new(openai::EventReader::default())),
        };
        let opened = match endpoint.kind() {
            Kind::Ollama => in_time(&endpoint, path, ollama::open(&endpoint, &model, &request)).await,
            Kind::OpenAi => in_time(&endpoint, path, openai::open(&endpoint, &model, &request)).await,
        };
        let (mut answer, mut lines) = (opened?, Lines::default());
        loop {
            while let Some(line) = lines.next() {
                let piece = reader.read(line).map_err(|reason| endpoint.malformed(path, reason))?;
                let Some(piece) = piece else { continue };
                let is_end = matches!(piece, Piece::End { .. });
                yield piece;
                if is_end {
                    return;
                }
            }
            let chunk = next_chunk(&endpoint, path, &mut answer).await?;
            lines.push(&chunk).map_err(|reason| endpoint.malformed(path, reason))?;
        }
    }
}

/// Makes pieces of lines.
trait Reader: Send {
    /// The piece in `line`, if there is one in it.
    fn read(&mut self, line: &[u8]) -> Result<Option<Piece>, String>;
}

/// The next chunk of the body; that it ends is an error, as the last piece ends the reading.
async fn next_chunk(endpoint: &Endpoint, path: &str, answer: &mut Response) -> provider::Result<Vec<u8>> {
    let chunk = async { answer.chunk().await.map_err(|error| endpoint.broken(path, &error)) };
    let chunk = in_time(endpoint, path, chunk).await?;
    let ended = || endpoint.malformed(path, "the stream ended before the answer did");
    chunk.map(Vec::from).ok_or_else(ended)
}

async fn in_time<T>(
    endpoint: &Endpoint,
    path: &str,
    step: impl Future<Output = provider::Result<T>>,
) -> provider::Result<T> {
    let step = tokio::time::timeout(endpoint.timeout(), step).await;
    step.unwrap_or_else(|_| Err(endpoint.timed_out(path)))
}
