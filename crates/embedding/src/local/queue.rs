//! The queue in front of a local model: concurrent requests are gathered into batches for one inference thread.
//!
//! One thread, because one inference already uses every core that it is given. Two lanes, so that a search does not wait
//! behind an indexing job of thousands of texts: it waits for at most one batch of the other lane.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::SentenceModel;
use crate::{Error, Result};

/// Texts in one inference at most; larger batches gain nothing on the machines measured.
const MAX_BATCH_TEXTS: usize = 32;
/// Tokens in one inference at most, padding included: what an inference costs in time and memory, so what the other lane
/// waits for. About a quarter of a second on two cores.
const MAX_BATCH_TOKENS: usize = 1024;
/// A request of more texts than this goes to the bulk lane.
const MAX_INTERACTIVE_TEXTS: usize = 8;

/// A queue and its thread; dropping it lets the thread finish its batch and end.
pub(crate) struct InferenceQueue {
    shared: Arc<Shared>,
}

struct Shared {
    model: SentenceModel,
    limit: usize,
    state: Mutex<State>,
    not_empty: Condvar,
}

#[derive(Default)]
struct State {
    interactive: VecDeque<Item>,
    bulk: VecDeque<Item>,
    is_bulk_next: bool,
    is_closed: bool,
}

/// One text of a request.
struct Item {
    tokens: Vec<u32>,
    position: usize,
    request: Arc<Request>,
}

/// A request in progress; it is answered when its last text is done, or at the first failure.
struct Request {
    progress: Mutex<Progress>,
}

struct Progress {
    vectors: Vec<Vec<f32>>,
    missing: usize,
    reply: Option<oneshot::Sender<Result<Vec<Vec<f32>>>>>,
}

impl InferenceQueue {
    /// Starts the inference thread. The queue holds at most `limit` texts.
    pub(crate) fn start(model: SentenceModel, limit: usize) -> Result<Self> {
        let shared = Shared { model, limit, state: Mutex::default(), not_empty: Condvar::new() };
        let shared = Arc::new(shared);
        let worker = Arc::clone(&shared);
        thread::Builder::new()
            .name("inference".into())
            .spawn(move || worker.run())
            .map_err(|error| Error::Inference(format!("no thread for inference: {error}")))?;
        Ok(Self { shared })
    }

    /// One unit vector for each text, in order. Dropping the future takes the texts out of the queue.
    pub(crate) async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>> {
        self.shared.check_room(texts.len())?;
        let shared = Arc::clone(&self.shared);
        let tokenise =
            move || texts.iter().map(|text| shared.model.tokenise(text)).collect::<Result<Vec<_>>>();
        let rows = tokio::task::spawn_blocking(tokenise).await;
        let rows = rows.map_err(|error| Error::Inference(error.to_string()))??;
        let answer = self.shared.submit(rows)?;
        answer.await.unwrap_or_else(|_| Err(Error::Inference("the inference thread has ended".into())))
    }
}

impl Drop for InferenceQueue {
    fn drop(&mut self) {
        self.shared.state.lock().is_closed = true;
        self.shared.not_empty.notify_one();
    }
}

impl Shared {
    fn check_room(&self, texts: usize) -> Result<()> {
        self.state.lock().check_room(texts, self.limit)
    }

    fn submit(&self, rows: Vec<Vec<u32>>) -> Result<oneshot::Receiver<Result<Vec<Vec<f32>>>>> {
        let (reply, answer) = oneshot::channel();
        let progress =
            Progress { vectors: vec![Vec::new(); rows.len()], missing: rows.len(), reply: Some(reply) };
        let request = Arc::new(Request { progress: Mutex::new(progress) });
        let is_bulk = rows.len() > MAX_INTERACTIVE_TEXTS;
        let mut items: Vec<_> = rows
            .into_iter()
            .enumerate()
            .map(|(position, tokens)| Item { tokens, position, request: Arc::clone(&request) })
            .collect();
        // Neighbours in the queue share a batch, and a batch is padded to its longest text.
        items.sort_by_key(|item| item.tokens.len());
        let mut state = self.state.lock();
        state.check_room(items.len(), self.limit)?;
        let lane = if is_bulk { &mut state.bulk } else { &mut state.interactive };
        lane.extend(items);
        self.not_empty.notify_one();
        Ok(answer)
    }

    fn run(&self) {
        while let Some(batch) = self.next_batch() {
            self.embed_batch(&batch);
        }
    }

    /// Waits for texts; `None` once the queue is closed and empty.
    fn next_batch(&self) -> Option<Vec<Item>> {
        let mut state = self.state.lock();
        loop {
            let batch = state.take_batch();
            if !batch.is_empty() {
                metrics::gauge!("embedd_queue_texts").set(state.len() as f64);
                return Some(batch);
            }
            if state.is_closed {
                return None;
            }
            self.not_empty.wait(&mut state);
        }
    }

    fn embed_batch(&self, batch: &[Item]) {
        let started = Instant::now();
        let rows: Vec<_> = batch.iter().map(|item| item.tokens.as_slice()).collect();
        // A panic inside the runtime must fail this batch, not end the thread that all later requests need.
        let vectors = catch_unwind(AssertUnwindSafe(|| self.model.embed(&rows)))
            .unwrap_or_else(|_| Err(Error::Inference("the model runtime panicked".into())));
        metrics::histogram!("embedd_inference_seconds").record(started.elapsed());
        metrics::histogram!("embedd_batch_texts").record(batch.len() as f64);
        match vectors {
            Ok(vectors) => batch.iter().zip(vectors).for_each(|(item, vector)| item.finish(vector)),
            Err(error) => {
                tracing::error!(%error, texts = batch.len(), "inference failed");
                batch.iter().for_each(|item| item.request.fail(&error));
            }
        }
    }
}

impl State {
    fn len(&self) -> usize {
        self.interactive.len() + self.bulk.len()
    }

    fn check_room(&self, texts: usize, limit: usize) -> Result<()> {
        let waiting = self.len();
        if waiting + texts > limit {
            return Err(Error::Overloaded { waiting, limit });
        }
        Ok(())
    }

    /// Takes the next batch from the lane whose turn it is: the lanes alternate while both have texts.
    fn take_batch(&mut self) -> Vec<Item> {
        for lane in [&mut self.interactive, &mut self.bulk] {
            lane.retain(|item| !item.request.is_abandoned());
        }
        let is_bulk = !self.bulk.is_empty() && (self.is_bulk_next || self.interactive.is_empty());
        self.is_bulk_next = !is_bulk;
        let lane = if is_bulk { &mut self.bulk } else { &mut self.interactive };
        let batch_len = batch_len(lane.iter().map(|item| item.tokens.len()));
        lane.drain(..batch_len).collect()
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

impl Item {
    fn finish(&self, vector: Vec<f32>) {
        let mut progress = self.request.progress.lock();
        progress.vectors[self.position] = vector;
        progress.missing -= 1;
        if progress.missing == 0 {
            let vectors = std::mem::take(&mut progress.vectors);
            progress.answer(Ok(vectors));
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
    fn answer(&mut self, answer: Result<Vec<Vec<f32>>>) {
        if let Some(reply) = self.reply.take() {
            // The caller may have gone away meanwhile; nobody misses the answer then.
            drop(reply.send(answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state_with(interactive: usize, bulk: usize) -> (State, oneshot::Receiver<Result<Vec<Vec<f32>>>>) {
        let (reply, answer) = oneshot::channel();
        let progress = Progress { vectors: Vec::new(), missing: usize::MAX, reply: Some(reply) };
        let request = Arc::new(Request { progress: Mutex::new(progress) });
        let item = |position| Item { tokens: vec![0; 10], position, request: Arc::clone(&request) };
        let state = State {
            interactive: (0..interactive).map(item).collect(),
            bulk: (0..bulk).map(|i| item(1000 + i)).collect(),
            ..State::default()
        };
        (state, answer)
    }

    #[test]
    fn search_waits_for_at_most_one_batch_of_a_bulk_request_and_bulk_is_not_starved() {
        let (mut state, _answer) = state_with(MAX_BATCH_TEXTS * 2, MAX_BATCH_TEXTS * 2);
        let is_bulk: Vec<_> = (0..4).map(|_| state.take_batch()[0].position >= 1000).collect();
        assert!(
            is_bulk == [false, true, false, true] || is_bulk == [true, false, true, false],
            "{is_bulk:?}"
        );
        assert!(state.take_batch().is_empty());
    }

    #[test]
    fn texts_of_a_caller_that_went_away_leave_the_queue() {
        let (mut state, answer) = state_with(3, 3);
        drop(answer);
        assert!(state.take_batch().is_empty());
        assert_eq!(state.len(), 0);
    }

    #[test]
    fn full_queue_refuses_and_says_how_full_it_is() {
        let (state, _answer) = state_with(3, 4);
        assert!(state.check_room(1, 8).is_ok());
        assert!(matches!(state.check_room(2, 8), Err(Error::Overloaded { waiting: 7, limit: 8 })));
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
