//! The requests that wait for a model, and the thread that answers them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use models::ChatModelSpec;
use parking_lot::{Condvar, Mutex};
use wire::chat::ChatRequest;

use crate::answer::{self, Listener};
use crate::error::{Error, Result};
use crate::model::Model;

/// A request that waits.
pub(crate) struct Job {
    pub(crate) spec: Arc<ChatModelSpec>,
    pub(crate) request: ChatRequest,
    pub(crate) provider: String,
    pub(crate) listener: Listener,
}

/// Closed when it is dropped: the thread ends after the answer that it is at.
#[derive(Debug)]
pub(crate) struct Queue {
    shared: Arc<Shared>,
    max_waiting: usize,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    is_closed: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

/// What there is to do next.
enum Next {
    Answer(Box<Job>),
    Rest,
    Leave,
}

impl Queue {
    /// Starts the thread. A model from `dir` that nobody has asked for `idle` is released.
    pub(crate) fn start(dir: PathBuf, url: String, max_waiting: usize, idle: Duration) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let mut worker = Worker { shared: Arc::clone(&shared), dir, url, idle, model: None };
        let started = thread::Builder::new().name("local-chat".into()).spawn(move || worker.run());
        started.map_err(|error| Error::Failed(format!("no thread for the model: {error}")))?;
        Ok(Self { shared, max_waiting })
    }

    /// Takes a job in, unless too many wait; those whose caller has left do not count.
    pub(crate) fn push(&self, job: Job) -> Result<()> {
        let mut state = self.shared.state.lock();
        state.waiting.retain(|job| !job.listener.is_closed());
        if state.waiting.len() >= self.max_waiting {
            return Err(Error::Busy(self.max_waiting));
        }
        state.waiting.push_back(job);
        metrics::gauge!("chatd_local_waiting").set(state.waiting.len() as f64);
        self.shared.changed.notify_one();
        Ok(())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.state.lock().is_closed = true;
        self.shared.changed.notify_one();
    }
}

impl Shared {
    /// Waits for something to do; without a job until `deadline`, if there is one.
    fn next(&self, deadline: Option<Instant>) -> Next {
        let mut state = self.state.lock();
        loop {
            if state.is_closed {
                return Next::Leave;
            }
            if let Some(job) = state.waiting.pop_front() {
                metrics::gauge!("chatd_local_waiting").set(state.waiting.len() as f64);
                return Next::Answer(Box::new(job));
            }
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) if self.changed.wait_until(&mut state, deadline).timed_out() => {
                    return Next::Rest;
                }
                Some(_) => {}
            }
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    dir: PathBuf,
    url: String,
    idle: Duration,
    model: Option<Model>,
}

impl Worker {
    fn run(&mut self) {
        // candle's own threads are started by this one, and begin with its niceness.
        if let Err(error) = scheduling::step_back() {
            tracing::warn!(%error, "a local model cannot step back: searches wait for their share of the cores");
        }
        loop {
            let deadline = self.model.as_ref().and_then(|_| Instant::now().checked_add(self.idle));
            match self.shared.next(deadline) {
                Next::Answer(job) => self.answer(&job),
                Next::Rest => self.release(),
                Next::Leave => return,
            }
        }
    }

    fn answer(&mut self, job: &Job) {
        let Job { spec, request, provider, listener } = job;
        if listener.is_closed() {
            return;
        }
        let answered = catch_unwind(AssertUnwindSafe(|| {
            let model = self.model(spec)?;
            answer::write(model, request, listener)
        }));
        let answered = answered.unwrap_or_else(|_| {
            self.release();
            Err(Error::Failed("the model has panicked: its log says where".into()))
        });
        if let Err(error) = answered {
            // Whoever has left need not be told.
            drop(listener.send(Err(error.told_by(provider, &self.url, &spec.name))));
        }
    }

    /// The model that `spec` describes; another one makes room for it.
    fn model(&mut self, spec: &ChatModelSpec) -> Result<&Model> {
        if self.model.as_ref().is_some_and(|model| model.name != spec.name) {
            self.release();
        }
        if self.model.is_none() {
            let started = Instant::now();
            self.model = Some(Model::load(spec, &self.dir)?);
            metrics::gauge!("chatd_local_loaded").set(1.0);
            tracing::info!(model = spec.name, took = ?started.elapsed(), "model is loaded");
        }
        self.model.as_ref().ok_or_else(|| Error::Failed("no model is loaded".into()))
    }

    fn release(&mut self) {
        if let Some(model) = self.model.take() {
            metrics::gauge!("chatd_local_loaded").set(0.0);
            tracing::info!(model = model.name, "model is released");
        }
    }
}
