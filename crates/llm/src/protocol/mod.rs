//! The interfaces of providers: how to ask each of them, and how to read its answer.

mod anthropic;
mod conversation;
mod gemini;
mod ollama;
mod openai;

use std::fmt;
use std::sync::Arc;

use async_stream::try_stream;
use bytes::Bytes;
use futures::Stream;
use provider::Endpoint;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use transport::Answer;
use wire::chat::{ChatRequest, FinishReason, ToolCallDelta, Usage};

use crate::Kind;
use crate::frames::{Frames, Framing};

/// Room for most conversations at once. A buffer that grows from nothing is copied again and again.
const TYPICAL_REQUEST_BYTES: usize = 2 << 10;

/// What a provider says in the course of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The next part of the text; never empty.
    Text(String),
    /// The next piece of a tool call.
    ToolCall(ToolCallDelta),
    /// What the answer has cost so far.
    Usage(Usage),
    /// The answer is whole.
    End(FinishReason),
}

/// Why an answer cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The HTTP status that the provider would have answered with, if this is an error of its own.
    status: Option<u16>,
    reason: String,
}

impl Fault {
    fn malformed(reason: impl Into<String>) -> Self {
        Self { status: None, reason: reason.into() }
    }

    fn into_error(self, endpoint: &Endpoint, path: &str) -> provider::Error {
        match self.status {
            Some(status) => endpoint.refused(path, status, &self.reason),
            None => endpoint.malformed(path, self.reason),
        }
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::malformed(error.to_string())
    }
}

/// One interface.
pub(crate) trait Dialect: Send + Sync {
    /// How the texts of a streamed answer are separated.
    fn framing(&self) -> Framing {
        Framing::Events
    }

    /// Where `model` is asked.
    fn path(&self, model: &str, is_streamed: bool) -> String;

    /// The JSON text that is sent there; `Err` names what this interface cannot do.
    fn body(
        &self,
        endpoint: &Endpoint,
        model: &str,
        request: &ChatRequest,
        is_streamed: bool,
    ) -> Result<Vec<u8>, String>;

    /// Reads a streamed answer.
    fn reader(&self) -> Box<dyn Reader>;

    /// Reads an answer that has come whole.
    fn whole(&self, answer: &[u8]) -> Result<Vec<Event>, Fault>;

    /// Where its models are listed.
    fn models_path(&self) -> &'static str;

    /// The names in that list.
    fn models(&self, list: Value) -> serde_json::Result<Vec<String>>;
}

/// Reads a streamed answer, one JSON text after another.
pub(crate) trait Reader: Send {
    /// What `frame` says.
    fn read(&mut self, frame: &[u8]) -> Result<Vec<Event>, Fault>;

    /// How the answer ends if the provider closes the connection now; `None`: it is cut off.
    fn closed(&mut self) -> Option<Event>;
}

/// The interface that servers of a kind speak.
#[derive(Clone, Copy)]
pub(crate) struct Interface {
    kind: Kind,
    pub(crate) dialect: &'static dyn Dialect,
}

impl Interface {
    /// That of `kind`; none for what is no server.
    pub(crate) fn of(kind: Kind) -> Option<Self> {
        let dialect: &'static dyn Dialect = match kind {
            Kind::Ollama | Kind::OllamaCloud => &ollama::Ollama,
            Kind::OpenAi => &openai::OpenAi,
            Kind::Anthropic => &anthropic::Anthropic,
            Kind::Gemini => &gemini::Gemini,
            Kind::Local => return None,
        };
        Some(Self { kind, dialect })
    }
}

impl fmt::Debug for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// Asks `model` and waits for the whole answer.
pub(crate) async fn complete(
    endpoint: &Endpoint,
    interface: Interface,
    model: &str,
    request: &ChatRequest,
) -> provider::Result<Vec<Event>> {
    let dialect = interface.dialect;
    let path = dialect.path(model, false);
    let body = body(endpoint, interface, model, request, false)?;
    let answer = endpoint.post_text(&path, model, body).await?;
    dialect.whole(&answer).map_err(|fault| fault.into_error(endpoint, &path))
}

/// Asks `model` and reads the answer as it comes; the last event is [`Event::End`], or an error. Pauses are bounded here, once
/// it has begun; how long it may take to begin, and in all, is for the caller to say.
pub(crate) fn stream(
    endpoint: Arc<Endpoint>,
    interface: Interface,
    model: String,
    request: ChatRequest,
) -> impl Stream<Item = provider::Result<Event>> {
    try_stream! {
        let dialect = interface.dialect;
        let (path, body) = (dialect.path(&model, true), body(&endpoint, interface, &model, &request, true)?);
        let (mut frames, mut reader) = (Frames::new(dialect.framing()), dialect.reader());
        let mut answer = endpoint.post_streaming(&path, &model, body).await?;
        let mut has_begun = false;
        loop {
            while let Some(frame) = frames.next() {
                for event in reader.read(&frame).map_err(|fault| fault.into_error(&endpoint, &path))? {
                    has_begun |= !matches!(event, Event::Usage(_));
                    let is_end = matches!(event, Event::End(_));
                    yield event;
                    if is_end {
                        return;
                    }
                }
            }
            let chunk = next_chunk(&endpoint, &path, &mut answer);
            let chunk = if has_begun { in_time(&endpoint, &path, chunk).await } else { chunk.await };
            match chunk? {
                Some(chunk) => frames.push(&chunk).map_err(|reason| endpoint.malformed(&path, reason))?,
                None => break,
            }
        }
        for event in last_events(&mut frames, reader.as_mut()).map_err(|fault| fault.into_error(&endpoint, &path))? {
            yield event;
        }
    }
}

/// What a closed connection leaves to be said; the last of it is [`Event::End`].
fn last_events(frames: &mut Frames, reader: &mut dyn Reader) -> Result<Vec<Event>, Fault> {
    let cut_off = || Fault::malformed("the connection closed before the answer ended");
    let mut events = match frames.rest() {
        Some(frame) if frame == b"[DONE]" || parse::<IgnoredAny>(&frame).is_ok() => reader.read(&frame)?,
        // Half a text is no text: that it is cut off says more than where a parser would give up.
        Some(_) => return Err(cut_off()),
        None => Vec::new(),
    };
    if !matches!(events.last(), Some(Event::End(_))) {
        events.push(reader.closed().ok_or_else(cut_off)?);
    }
    Ok(events)
}

fn body(
    endpoint: &Endpoint,
    Interface { kind, dialect }: Interface,
    model: &str,
    request: &ChatRequest,
    is_streamed: bool,
) -> provider::Result<Vec<u8>> {
    dialect.body(endpoint, model, request, is_streamed).map_err(|reason| provider::Error::Unsupported {
        provider: endpoint.name().to_owned(),
        kind: kind.as_str(),
        reason,
    })
}

/// The next chunk of the body; `None` when the provider has closed it.
async fn next_chunk(endpoint: &Endpoint, path: &str, answer: &mut Answer) -> provider::Result<Option<Bytes>> {
    answer.chunk().await.map_err(|error| {
        let reason = error.reason();
        endpoint.malformed(path, format!("the connection broke before the answer ended ({reason})"))
    })
}

async fn in_time<T>(
    endpoint: &Endpoint,
    path: &str,
    step: impl Future<Output = provider::Result<T>>,
) -> provider::Result<T> {
    let step = tokio::time::timeout(endpoint.timeout(), step).await;
    step.unwrap_or_else(|_| Err(endpoint.timed_out(path)))
}

/// `body` as a JSON text.
fn text<T: Serialize>(body: &T) -> Result<Vec<u8>, String> {
    let mut text = Vec::with_capacity(TYPICAL_REQUEST_BYTES);
    serde_json::to_writer(&mut text, body).map_err(|error| error.to_string())?;
    Ok(text)
}

/// Reads `frame` as a `T`. That it is UTF-8 is seen at once: of bytes, serde_json looks at each text in them by itself.
fn parse<T: serde::de::DeserializeOwned>(frame: &[u8]) -> Result<T, Fault> {
    Ok(match str::from_utf8(frame) {
        Ok(frame) => serde_json::from_str(frame)?,
        // Says where, if that is where anything is read.
        Err(_) => serde_json::from_slice(frame)?,
    })
}

/// Leaves out the members that are `null`: for most servers they are not the same as absent ones.
fn without_nulls(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    body
}
