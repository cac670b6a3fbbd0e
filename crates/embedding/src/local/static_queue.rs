//! The threads of a static model.
//!
//! A text takes it some ten microseconds, nearly all of them for the tokenizer. So few texts are embedded where they come in, and what is
//! bulk work is shared out between threads that step back as those of an encoder do: a search by another model does not wait for it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::StaticModel;
use super::queue::{guarded, is_bulk};
use crate::embedding::{Embedding, Item};
use crate::{Error, Result};

/// Texts that a thread takes at a time: about a millisecond.
const SHARE: usize = 64;
/// All that may wait are done by then.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Dropping it lets its threads finish what they are at and end.
pub(crate) struct StaticQueue {
    model: Arc<StaticModel>,
    work: mpsc::Sender<Share>,
    /// Texts that wait for a thread.
    waiting: Arc<AtomicUsize>,
    limit: usize,
}

/// A part of a request.
struct Share {
    items: Vec<Item>,
    reply: oneshot::Sender<Result<Vec<Embedding>>>,
    /// Counts as long as it is not begun.
    place: Place,
}

/// Texts in the queue.
struct Place {
    texts: usize,
    waiting: Arc<AtomicUsize>,
}

impl Place {
    /// Some of them, to be counted by themselves.
    fn split(&mut self, texts: usize) -> Self {
        self.texts -= texts;
        Self { texts, waiting: Arc::clone(&self.waiting) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.texts, Ordering::Relaxed);
    }
}

impl StaticQueue {
    /// Starts the threads. At most `limit` texts may wait for them.
    pub(crate) fn start(model: StaticModel, limit: usize, threads: usize) -> Result<Self> {
        let (model, (work, shares)) = (Arc::new(model), mpsc::channel());
        let shares = Arc::new(Mutex::new(shares));
        for _ in 0..threads {
            let (model, shares) = (Arc::clone(&model), Arc::clone(&shares));
            let run = move || {
                if let Err(error) = scheduling::step_back() {
                    tracing::warn!(%error, "bulk work cannot step back: searches wait for their share of the cores");
                }
                run(&model, &shares);
            };
            let started = thread::Builder::new().name("bulk-static".into()).spawn(run);
            started.map_err(|error| Error::Inference(format!("no thread for bulk work: {error}")))?;
        }
        Ok(Self { model, work, waiting: Arc::default(), limit })
    }

    /// Refuses tokens that the model does not have.
    pub(crate) fn check_tokens(&self, ids: &[u32]) -> Result<()> {
        self.model.check_tokens(ids)
    }

    /// What each text becomes, in order; tokens have been checked. Dropping the future takes the texts out of the queue.
    pub(crate) async fn embed(&self, items: Vec<Item>) -> Result<Vec<Embedding>> {
        if !is_bulk(items.len()) {
            let model = Arc::clone(&self.model);
            let made = tokio::task::spawn_blocking(move || model.embed(&items)).await;
            return made.unwrap_or_else(|panic| Err(Error::Inference(panic.to_string())));
        }
        let answers = self.submit(items)?;
        let mut all = Vec::new();
        for answer in answers {
            let ended = |_| Error::Inference("the thread for bulk work has ended".into());
            all.extend(answer.await.map_err(ended)??);
        }
        Ok(all)
    }

    fn submit(&self, items: Vec<Item>) -> Result<Vec<oneshot::Receiver<Result<Vec<Embedding>>>>> {
        let texts = items.len();
        let before = self.waiting.fetch_add(texts, Ordering::Relaxed);
        let mut places = Place { texts, waiting: Arc::clone(&self.waiting) };
        if before + texts > self.limit {
            return Err(Error::Overloaded { waiting: before, limit: self.limit, retry_after: RETRY_AFTER });
        }
        let mut items = items.into_iter();
        let mut answers = Vec::with_capacity(texts.div_ceil(SHARE));
        while items.len() > 0 {
            let items: Vec<_> = items.by_ref().take(SHARE).collect();
            let place = places.split(items.len());
            let (reply, answer) = oneshot::channel();
            answers.push(answer);
            // Its threads end after it.
            drop(self.work.send(Share { items, reply, place }));
        }
        Ok(answers)
    }
}

/// Takes one share after the other, until nobody can send one.
fn run(model: &StaticModel, shares: &Mutex<mpsc::Receiver<Share>>) {
    loop {
        let Ok(Share { items, reply, place }) = shares.lock().recv() else { return };
        drop(place);
        if reply.is_closed() {
            metrics::counter!("embedd_abandoned_texts_total").increment(items.len() as u64);
            continue;
        }
        // The caller may have gone away meanwhile; nobody misses the answer then.
        drop(reply.send(guarded(|| model.embed(&items))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::static_model::tests::model;

    fn items(texts: usize) -> Vec<Item> {
        (0..texts).map(|text| Item::Text(["a", "b", "a b"][text % 3].to_owned())).collect()
    }

    #[tokio::test]
    async fn bulk_work_comes_back_in_order_and_is_what_each_text_is_alone() {
        let queue = StaticQueue::start(model(), 1000, 3).unwrap();
        let together = queue.embed(items(700)).await.unwrap();
        assert_eq!(together.len(), 700);
        for (item, embedding) in items(700).into_iter().zip(&together) {
            assert_eq!(&queue.embed(vec![item]).await.unwrap()[0], embedding);
        }
    }

    #[tokio::test]
    async fn full_queue_refuses_bulk_work_but_no_search_and_passes_over_callers_that_went_away() {
        let (work, shares) = mpsc::channel();
        let queue = StaticQueue { model: Arc::new(model()), work, waiting: Arc::default(), limit: 1000 };
        let gone = queue.submit(items(500)).unwrap();
        let waits = queue.submit(items(400)).unwrap();
        let refused = queue.submit(items(101)).unwrap_err();
        assert!(matches!(refused, Error::Overloaded { waiting: 900, limit: 1000, .. }), "{refused}");
        assert_eq!(queue.embed(items(8)).await.unwrap().len(), 8);
        drop(gone);
        let StaticQueue { model, work, waiting, .. } = queue;
        drop(work);
        run(&model, &Mutex::new(shares));
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
        for answer in waits {
            assert!(!answer.await.unwrap().unwrap().is_empty());
        }
    }
}
