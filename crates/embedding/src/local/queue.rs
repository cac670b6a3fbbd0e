//! The queues in front of a local model: concurrent requests are gathered into batches for a thread.
//!
//! Two lanes with a thread each, as one inference already uses every core that it is given. A search does not wait for an indexing
//! job of thousands of texts: the bulk lane's threads step back wherever the other lane's have something to do, in the middle of an
//! inference too, and get a tenth of the time while both are busy. Cutting bulk work into pieces that a search could wait for would
//! make every piece dearer.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::SentenceModel;
use super::reader::Tokens;
use super::sentence_model::Pool;
use crate::embedding::{Embedding, Item};
use crate::{Error, Result};

/// Texts in one inference at most; larger batches gain nothing on the machines measured.
const MAX_BATCH_TEXTS: usize = 32;
/// Tokens in one inference at most, padding included: what an inference costs in time and memory.
const MAX_BATCH_TOKENS: usize = 1024;
/// A request of more texts than this goes to the bulk lane.
const MAX_INTERACTIVE_TEXTS: usize = 8;
/// What a batch counts in the mean time of a text: the last five or so decide.
const PACE_WEIGHT: f64 = 0.2;

/// The lanes of a model; dropping them lets their threads finish their batches and end.
pub(crate) struct InferenceQueue {
    interactive: Arc<Lane>,
    bulk: Arc<Lane>,
}

struct Lane {
    name: &'static str,
    model: Arc<SentenceModel>,
    limit: usize,
    state: Mutex<State>,
    not_empty: Condvar,
}

#[derive(Default)]
struct State {
    /// Not tokenised yet; the first one may be at it.
    arrived: VecDeque<Arc<Request>>,
    queued: VecDeque<Queued>,
    /// Texts of requests that are not in a batch yet, wherever they are.
    waiting: usize,
    /// The mean time of a text lately.
    seconds_per_text: f64,
    is_closed: bool,
}

/// One text of a request.
struct Queued {
    tokens: Tokens,
    position: usize,
    request: Arc<Request>,
}

/// A request in progress; it is answered when its last text is done, or at the first failure.
struct Request {
    items: Vec<Item>,
    progress: Mutex<Progress>,
}

struct Progress {
    made: Vec<Option<Embedding>>,
    missing: usize,
    reply: Option<oneshot::Sender<Result<Vec<Embedding>>>>,
}

/// Whether a request of so many texts is bulk work.
pub(crate) fn is_bulk(texts: usize) -> bool {
    texts > MAX_INTERACTIVE_TEXTS
}

impl InferenceQueue {
    /// Starts the threads. Each lane holds at most `limit` texts; an inference uses `threads`.
    pub(crate) fn start(model: SentenceModel, limit: usize, threads: usize) -> Result<Self> {
        let model = Arc::new(model);
        let lane = |name, steps_back: bool| {
            let (model, state) = (Arc::clone(&model), Mutex::default());
            let lane = Arc::new(Lane { name, model, limit, state, not_empty: Condvar::new() });
            let worker = Arc::clone(&lane);
            let run = move || {
                if steps_back && let Err(error) = scheduling::step_back() {
                    tracing::warn!(%error, "bulk work cannot step back: searches wait for their share of the cores");
                }
                worker.run(threads);
            };
            let started = thread::Builder::new().name(name.into()).spawn(run);
            started.map_err(|error| Error::Inference(format!("no thread for inference: {error}")))?;
            Ok::<_, Error>(lane)
        };
        Ok(Self { interactive: lane("interactive", false)?, bulk: lane("bulk", true)? })
    }

    /// Refuses tokens that the model does not have.
    pub(crate) fn check_tokens(&self, ids: &[u32]) -> Result<()> {
        self.interactive.model.reader().check_tokens(ids)
    }

    /// What each text becomes, in order; tokens have been checked. Dropping the future takes the texts out of the queue.
    pub(crate) async fn embed(&self, items: Vec<Item>) -> Result<Vec<Embedding>> {
        let lane = if is_bulk(items.len()) { &self.bulk } else { &self.interactive };
        let answer = lane.submit(items)?;
        answer.await.unwrap_or_else(|_| Err(Error::Inference("the inference thread has ended".into())))
    }
}

impl Drop for InferenceQueue {
    fn drop(&mut self) {
        for lane in [&self.interactive, &self.bulk] {
            lane.state.lock().is_closed = true;
            lane.not_empty.notify_one();
        }
    }
}

impl Lane {
    fn submit(&self, items: Vec<Item>) -> Result<oneshot::Receiver<Result<Vec<Embedding>>>> {
        let (reply, answer) = oneshot::channel();
        let progress = Progress { made: vec![None; items.len()], missing: items.len(), reply: Some(reply) };
        let request = Arc::new(Request { items, progress: Mutex::new(progress) });
        self.state.lock().admit(request, self.limit)?;
        self.not_empty.notify_one();
        Ok(answer)
    }

    fn run(&self, threads: usize) {
        // Threads begin with the niceness of the one that starts them.
        let pool = SentenceModel::pool(threads);
        while let Some(batch) = self.next_batch() {
            let started = Instant::now();
            self.embed_batch(&batch, &pool);
            self.state.lock().note_pace(started.elapsed(), batch.len());
        }
    }

    /// Waits for texts; `None` once the lane is closed and empty.
    fn next_batch(&self) -> Option<Vec<Queued>> {
        let mut state = self.state.lock();
        loop {
            while let Some(request) = state.arrived.front().cloned() {
                drop(state);
                let queued = self.tokenise(&request);
                state = self.state.lock();
                // Unless it was abandoned meanwhile.
                if state.arrived.pop_front_if(|first| Arc::ptr_eq(first, &request)).is_some() {
                    state.queued.extend(queued);
                }
            }
            let batch = state.take_batch();
            metrics::gauge!("embedd_queue_texts", "lane" => self.name).set(state.waiting as f64);
            if !batch.is_empty() {
                return Some(batch);
            }
            if state.is_closed {
                return None;
            }
            self.not_empty.wait(&mut state);
        }
    }

    /// The texts of a request, shortest first: neighbours in the queue share a batch, and a batch is padded to its longest text.
    fn tokenise(&self, request: &Arc<Request>) -> Vec<Queued> {
        let queued = |(position, item)| {
            let tokens = self.model.reader().read(item)?;
            Ok(Queued { tokens, position, request: Arc::clone(request) })
        };
        let tokenise = || request.items.iter().enumerate().map(queued).collect::<Result<Vec<_>>>();
        match guarded(tokenise) {
            Ok(mut queued) => {
                queued.sort_by_key(|queued| queued.tokens.ids.len());
                queued
            }
            Err(error) => {
                request.fail(&error);
                self.state.lock().drop_abandoned();
                Vec::new()
            }
        }
    }

    fn embed_batch(&self, batch: &[Queued], pool: &Pool) {
        let started = Instant::now();
        let rows: Vec<_> = batch.iter().map(|queued| queued.tokens.ids.as_slice()).collect();
        let vectors = guarded(|| self.model.embed(&rows, pool));
        metrics::histogram!("embedd_inference_seconds", "lane" => self.name).record(started.elapsed());
        metrics::histogram!("embedd_batch_texts", "lane" => self.name).record(batch.len() as f64);
        match vectors {
            Ok(vectors) => batch.iter().zip(vectors).for_each(|(queued, vector)| queued.finish(vector)),
            Err(error) => {
                tracing::error!(%error, texts = batch.len(), "inference failed");
                batch.iter().for_each(|queued| queued.request.fail(&error));
            }
        }
    }
}

/// A panic inside the runtime must fail what it was working at, not end the thread that all later requests need.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let panicked = |_| Err(Error::Inference("the model runtime panicked".into()));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

impl State {
    fn admit(&mut self, request: Arc<Request>, limit: usize) -> Result<()> {
        let texts = request.items.len();
        if self.waiting + texts > limit {
            self.drop_abandoned();
        }
        if self.waiting + texts > limit {
            let retry_after = Duration::from_secs_f64(self.seconds_per_text * self.waiting as f64);
            return Err(Error::Overloaded { waiting: self.waiting, limit, retry_after });
        }
        self.waiting += texts;
        self.arrived.push_back(request);
        Ok(())
    }

    fn take_batch(&mut self) -> Vec<Queued> {
        self.drop_abandoned();
        let batch_len = batch_len(self.queued.iter().map(|queued| queued.tokens.ids.len()));
        self.waiting -= batch_len;
        self.queued.drain(..batch_len).collect()
    }

    /// Takes out what nobody waits for any more.
    fn drop_abandoned(&mut self) {
        let mut dropped = 0;
        self.arrived.retain(|request| {
            let is_abandoned = request.is_abandoned();
            dropped += if is_abandoned { request.items.len() } else { 0 };
            !is_abandoned
        });
        self.queued.retain(|queued| {
            let is_abandoned = queued.request.is_abandoned();
            dropped += usize::from(is_abandoned);
            !is_abandoned
        });
        self.waiting -= dropped;
        if dropped > 0 {
            metrics::counter!("embedd_abandoned_texts_total").increment(dropped as u64);
        }
    }

    fn note_pace(&mut self, took: Duration, texts: usize) {
        let found = took.as_secs_f64() / texts.max(1) as f64;
        let is_first = self.seconds_per_text == 0.0;
        self.seconds_per_text += (found - self.seconds_per_text) * if is_first { 1.0 } else { PACE_WEIGHT };
    }
}

/// How many texts of these lengths, from the first on, make one batch: at least one, if there is one.
fn batch_len(lengths: impl Iterator<Item = usize>) -> usize {
    let mut width = 0;
    lengths
        .take(MAX_BATCH_TEXTS)
        .enumerate()
        .take_while(|&(before, len)| {
            width = width.max(len);
            before == 0 || (before + 1) * width <= MAX_BATCH_TOKENS
        })
        .count()
}

impl Queued {
    fn finish(&self, vector: Vec<f32>) {
        let mut progress = self.request.progress.lock();
        let (read, extent) = self.tokens.counts();
        progress.made[self.position] = Some(Embedding { vector: vector.into(), read, extent });
        progress.missing -= 1;
        if progress.missing == 0 {
            let made = std::mem::take(&mut progress.made);
            progress.answer(Ok(made.into_iter().flatten().collect()));
        }
    }
}

impl Request {
    fn fail(&self, error: &Error) {
        self.progress.lock().answer(Err(error.clone()));
    }

    /// Nobody waits for it any more: the caller went away, or it has failed.
    fn is_abandoned(&self) -> bool {
        self.progress.lock().reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

impl Progress {
    fn answer(&mut self, answer: Result<Vec<Embedding>>) {
        if let Some(reply) = self.reply.take() {
            // The caller may have gone away meanwhile; nobody misses the answer then.
            drop(reply.send(answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = oneshot::Receiver<Result<Vec<Embedding>>>;

    fn request(texts: usize) -> (Arc<Request>, Answer) {
        let (reply, answer) = oneshot::channel();
        let progress = Progress { made: vec![None; texts], missing: texts, reply: Some(reply) };
        let items = vec![Item::Text(String::new()); texts];
        (Arc::new(Request { items, progress: Mutex::new(progress) }), answer)
    }

    /// A lane where three texts are queued, and four more have arrived.
    fn state() -> (State, Answer, Answer) {
        let ((queued, queued_answer), (arrived, arrived_answer)) = (request(3), request(4));
        let mut state = State::default();
        state.admit(Arc::clone(&queued), 8).unwrap();
        state.arrived.clear();
        let item = |position| Queued {
            tokens: Tokens { ids: vec![0; 10], of: 10 },
            position,
            request: Arc::clone(&queued),
        };
        state.queued = (0..3).map(item).collect();
        state.admit(arrived, 8).unwrap();
        (state, queued_answer, arrived_answer)
    }

    #[test]
    fn texts_of_a_caller_that_went_away_leave_the_queue_and_make_room() {
        let (mut state, queued, _arrived) = state();
        drop(queued);
        state.admit(request(4).0, 8).unwrap();
        assert!(state.take_batch().is_empty());
        let (mut state, queued, arrived) = self::state();
        drop((queued, arrived));
        assert!(state.take_batch().is_empty());
        assert_eq!((state.waiting, state.arrived.len()), (0, 0));
    }

    #[test]
    fn full_queue_refuses_and_says_how_full_it_is_and_when_it_will_not_be() {
        let (mut state, _queued, _arrived) = state();
        state.note_pace(Duration::from_secs(8), 4);
        let (refused, _answer) = request(2);
        let refused = state.admit(refused, 8).unwrap_err();
        let wait = Duration::from_secs(14);
        assert!(
            matches!(refused, Error::Overloaded { waiting: 7, limit: 8, retry_after } if retry_after == wait)
        );
        let (last, _answer) = request(1);
        state.admit(last, 8).unwrap();
        assert_eq!(state.take_batch().len(), 3);
        assert_eq!(state.waiting, 5);
    }

    #[test]
    fn pace_follows_what_was_measured_lately() {
        let mut state = State::default();
        state.note_pace(Duration::from_secs(10), 10);
        assert_eq!(state.seconds_per_text, 1.0);
        (0..50).for_each(|_| state.note_pace(Duration::from_secs(30), 10));
        assert!((state.seconds_per_text - 3.0).abs() < 0.01);
    }

    #[test]
    fn batch_is_bounded_in_texts_and_in_padded_tokens() {
        assert_eq!(batch_len(std::iter::empty()), 0);
        assert_eq!(batch_len([5000].into_iter()), 1);
        assert_eq!(batch_len(std::iter::repeat(1)), MAX_BATCH_TEXTS);
        assert_eq!(batch_len(std::iter::repeat(256)), 4);
        assert_eq!(batch_len([1, 1, 1, 256, 256].into_iter()), 4);
    }
}
