//! Equal texts that are asked for at the same time are embedded once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;

use crate::Result;
use crate::cache::Key;
use crate::embedding::Embedding;

/// The texts of one request on their way. Whoever waits keeps it going; once nobody does, it is dropped, and its texts leave the
/// queue.
pub(crate) type Flight = Shared<BoxFuture<'static, Result<Arc<[Embedding]>>>>;

/// Tells a flight from a later one with the same text.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

/// What is on its way.
#[derive(Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<Key, Seat>>>);

/// Where a text's vector will be.
struct Seat {
    flight: WeakShared<BoxFuture<'static, Result<Arc<[Embedding]>>>>,
    number: u64,
    position: usize,
    is_bulk: bool,
}

/// Takes its seats out of the table however the flight ends.
struct Landing {
    table: Arc<Mutex<HashMap<Key, Seat>>>,
    keys: Vec<Key>,
    number: u64,
}

impl Flights {
    /// Finds a seat for each of `wanted`, in order: its flight, and the place of its vector in what that brings. Those that are not on
    /// their way yet start together, and `work` embeds them. A search does not board a bulk request, which may take a minute.
    pub(crate) fn board<T, W>(
        &self,
        wanted: Vec<(Key, T)>,
        is_bulk: bool,
        work: impl FnOnce(Vec<(Key, T)>) -> W,
    ) -> Vec<(Flight, usize)>
    where
        W: Future<Output = Result<Vec<Embedding>>> + Send + 'static,
    {
        let mut table = self.0.lock();
        let mut new = Vec::new();
        let mut seats: Vec<Option<(Flight, usize)>> = Vec::with_capacity(wanted.len());
        for (key, item) in wanted {
            let seat = table.get(&key).filter(|seat| is_bulk || !seat.is_bulk);
            let seat = seat.and_then(|seat| Some((seat.flight.upgrade()?, seat.position)));
            if seat.is_none() {
                new.push((key, item));
            }
            seats.push(seat);
        }
        if !new.is_empty() {
            let keys: Vec<_> = new.iter().map(|(key, _)| *key).collect();
            let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
            let landing = Landing { table: Arc::clone(&self.0), keys: keys.clone(), number };
            let work = work(new);
            let flight = async move {
                let landed = work.await.map(Arc::from);
                drop(landing);
                landed
            };
            let flight: Flight = flight.boxed().shared();
            for (position, key) in keys.into_iter().enumerate() {
                if let Some(flight) = flight.downgrade() {
                    table.insert(key, Seat { flight, number, position, is_bulk });
                }
            }
            let mut own = (0..).map(|position| (flight.clone(), position));
            seats.iter_mut().filter(|seat| seat.is_none()).for_each(|seat| *seat = own.next());
        }
        seats.into_iter().flatten().collect()
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        for key in &self.keys {
            // A later flight may have taken the seat meanwhile.
            if table.get(key).is_some_and(|seat| seat.number == self.number) {
                table.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::embedding::{Extent, Item};

    fn embedding() -> Embedding {
        Embedding { vector: [1.0].as_slice().into(), read: 1, extent: Extent::Whole }
    }

    fn key(text: &str) -> Key {
        Key::new("m", &Item::Text(text.into()))
    }

    /// A request for these texts, whose flight, if it needs one, lands when it is told to.
    fn ask(flights: &Flights, texts: &[&str], is_bulk: bool) -> (Vec<(Flight, usize)>, oneshot::Sender<()>) {
        let (land, landing) = oneshot::channel::<()>();
        let wanted = texts.iter().map(|text| (key(text), ())).collect();
        let work = |new: Vec<(Key, ())>| async move {
            let told = landing.await.map_err(|error| crate::Error::Inference(error.to_string()));
            told.map(|()| vec![embedding(); new.len()])
        };
        (flights.board(wanted, is_bulk, work), land)
    }

    fn is_empty(flights: &Flights) -> bool {
        flights.0.lock().is_empty()
    }

    #[tokio::test]
    async fn text_on_its_way_is_waited_for_even_if_who_asked_first_has_gone() {
        let flights = Flights::default();
        let (first, land) = ask(&flights, &["a", "b"], false);
        let (mut second, unused) = ask(&flights, &["b"], false);
        assert!(unused.is_closed(), "nothing new is embedded");
        drop(first);
        land.send(()).unwrap();
        let (flight, position) = second.remove(0);
        assert_eq!(position, 1);
        assert_eq!(flight.await.unwrap()[position], embedding());
        assert!(is_empty(&flights), "it has landed");
    }

    #[tokio::test]
    async fn only_what_is_not_on_its_way_is_embedded() {
        let flights = Flights::default();
        let (_first, _land) = ask(&flights, &["b"], false);
        let (seats, land) = ask(&flights, &["a", "b", "c"], false);
        land.send(()).unwrap();
        let positions: Vec<_> = seats.iter().map(|(_, position)| *position).collect();
        assert_eq!(positions, [0, 0, 1]);
        assert_eq!(seats[2].0.clone().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn flight_that_nobody_waits_for_is_given_up() {
        let flights = Flights::default();
        let (first, land) = ask(&flights, &["a"], false);
        let (joined, _) = ask(&flights, &["a"], true);
        drop(first);
        assert!(!land.is_closed());
        drop(joined);
        assert!(land.is_closed(), "the work is dropped");
        assert!(is_empty(&flights));
    }

    #[tokio::test]
    async fn search_does_not_board_a_bulk_request_but_a_bulk_request_does() {
        let flights = Flights::default();
        let (_bulk, _land) = ask(&flights, &["a"], true);
        let (_joined, unused) = ask(&flights, &["a"], true);
        assert!(unused.is_closed());
        let (_search, own) = ask(&flights, &["a"], false);
        assert!(!own.is_closed());
    }

    #[tokio::test]
    async fn flight_that_lands_leaves_the_seats_of_a_later_one_alone() {
        let flights = Flights::default();
        let (mut early, land) = ask(&flights, &["a"], true);
        let (_late, _land) = ask(&flights, &["a"], false);
        land.send(()).unwrap();
        early.remove(0).0.await.unwrap();
        assert!(!is_empty(&flights));
    }
}
