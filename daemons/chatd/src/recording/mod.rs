//! Tells observerd of every exchange, if it is configured to. A chat neither waits for that nor fails of it: what the queue
//! has no room for is dropped and counted.

mod config;
mod record;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use service::{Env, ServiceToken};
use tokio::sync::mpsc;
use wire::observer::Event;

pub use config::RecordingConfig;
pub(crate) use record::{Asked, Record, Server};
pub(crate) use writer::Writer;

/// The longest queue that can be configured.
const MAX_QUEUE: usize = 1 << 20;

/// Takes records; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
    has_content: bool,
}

impl Recorder {
    /// A recorder and the task that writes what it takes; `None` if nothing is to be recorded.
    pub(crate) fn start(config: &RecordingConfig, env: &Env) -> Option<(Self, Writer)> {
        if !config.enabled {
            return None;
        }
        if env.service_token == ServiceToken::Missing {
            let reason =
                "no exchange is recorded: auth.service_token names no token, and observerd asks for one";
            env.readiness.degrade("recording", reason);
        }
        let (queue, events) = mpsc::channel(config.queue.clamp(1, MAX_QUEUE));
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer::spawn(env, events, Arc::clone(&dropped));
        Some((Self { queue, dropped, has_content: config.content }, writer))
    }

    /// Whether what was said is recorded too.
    pub(crate) fn has_content(&self) -> bool {
        self.has_content
    }

    /// Takes a record, if there is room.
    pub(crate) fn take(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            count_dropped(&self.dropped, 1, "queue_full");
        }
    }
}

fn count_dropped(dropped: &AtomicU64, count: u64, reason: &'static str) {
    dropped.fetch_add(count, Ordering::Relaxed);
    metrics::counter!("chatd_records_dropped_total", "reason" => reason).increment(count);
}
