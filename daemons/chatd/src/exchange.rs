//! One request and what becomes of it: what it has cost, and what observerd is told of it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use async_stream::stream;
use futures::stream::{Stream, StreamExt};
use llm::budget::{Hold, now_s};
use llm::{Attempt, Observer, Piece, ToolCalls};
use parking_lot::Mutex;
use wire::chat::{ChatRequest, Content, Message, Role};

use crate::budgets::Caller;
use crate::recording::{Asked, Record, Recorder, Server};

/// Much more than an event of observerd holds is not gathered, bytes.
const MAX_GATHERED_BYTES: usize = 64 << 10;

/// Pieces of an answer as they come.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = llm::Result<Piece>> + Send>>;

/// Follows a request to its end; dropped when there is nothing more to come.
#[derive(Debug)]
pub(crate) struct Exchange {
    hold: Option<Hold>,
    recording: Option<Recording>,
}

#[derive(Debug)]
struct Recording {
    recorder: Recorder,
    servers: Arc<HashMap<String, Server>>,
    asked: Option<Asked>,
    record: Mutex<Record>,
}

/// Where records go, and what is known of the providers by name.
#[derive(Debug, Clone)]
pub(crate) struct Recordings {
    pub(crate) recorder: Recorder,
    pub(crate) servers: Arc<HashMap<String, Server>>,
}

impl Exchange {
    /// What it costs is taken from `hold`.
    pub(crate) fn new(
        hold: Option<Hold>,
        recordings: Option<&Recordings>,
        caller: &Caller,
        request: &ChatRequest,
    ) -> Arc<Self> {
        let recording = recordings.cloned().map(|Recordings { recorder, servers }| {
            let has_content = recorder.has_content();
            let asked = Some(Asked::new(request, &caller.request_id, &caller.trace_id, has_content));
            Recording { recorder, servers, asked, record: Mutex::default() }
        });
        Arc::new(Self { hold, recording })
    }

    /// Notes what the model has said, if that is recorded.
    pub(crate) fn said(&self, message: &Message) {
        if let Some(recording) = self.recording.as_ref().filter(|recording| recording.recorder.has_content())
        {
            recording.record.lock().said = Some(message.clone());
        }
    }

    /// The same for an answer that comes in `pieces`.
    pub(crate) fn overhear(self: Arc<Self>, pieces: Pieces) -> Pieces {
        if self.recording.as_ref().is_some_and(|recording| recording.recorder.has_content()) {
            let gathered =
                Gathered { exchange: self, text: String::new(), calls: ToolCalls::default(), bytes: 0 };
            gathered.over(pieces)
        } else {
            pieces
        }
    }
}

impl Observer for Exchange {
    fn ended(&self, attempt: &Attempt<'_>) {
        if let Some(hold) = &self.hold {
            hold.spend(attempt.usage.total_tokens, now_s());
        }
        if let Some(recording) = &self.recording {
            recording.record.lock().note(attempt);
        }
    }
}

impl Drop for Recording {
    /// Whom no provider was asked for, there is nothing to tell of.
    fn drop(&mut self) {
        let record = std::mem::take(self.record.get_mut());
        let server =
            record.provider().map(|provider| self.servers.get(provider).cloned().unwrap_or_default());
        if let (Some(asked), Some(server)) = (self.asked.take(), server) {
            self.recorder.take(asked.into_event(record, &server));
        }
    }
}

/// What a model has said until now; told to the exchange when it is dropped, however the answer ends.
struct Gathered {
    exchange: Arc<Exchange>,
    text: String,
    calls: ToolCalls,
    bytes: usize,
}

impl Gathered {
    fn over(mut self, mut pieces: Pieces) -> Pieces {
        Box::pin(stream! {
            while let Some(piece) = pieces.next().await {
                if let Ok(piece) = &piece {
                    self.note(piece);
                }
                yield piece;
            }
        })
    }

    fn note(&mut self, piece: &Piece) {
        self.bytes += match piece {
            Piece::Text(text) => text.len(),
            Piece::ToolCall(call) => call.function.arguments.len(),
            Piece::End { .. } => 0,
        };
        match piece {
            _ if self.bytes > MAX_GATHERED_BYTES => {}
            Piece::Text(text) => self.text.push_str(text),
            Piece::ToolCall(call) => self.calls.push(call.clone()),
            Piece::End { .. } => {}
        }
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        let (content, tool_calls) =
            (Content::Text(std::mem::take(&mut self.text)), std::mem::take(&mut self.calls).into_calls());
        self.exchange.said(&Message { role: Role::Assistant, content, tool_calls, ..Message::default() });
    }
}
