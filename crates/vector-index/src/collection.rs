//! One index: what is in memory, and the way of a change from a caller to the disk to the readers.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use parking_lot::{Mutex, RwLock};

use crate::commit::{GroupCommit, Until, Waiting};
use crate::distance::Distance;
use crate::durable::Disk;
use crate::error::{Error, Invalid};
use crate::graph::Graph;
use crate::items::{Item, Items};
use crate::ops::{Admitted, Changed, Op, encode_commit};
use crate::records::{NEVER_MS, Record};
use crate::recovery::Opened;
use crate::seal::{OnDisk, SealQueue};
use crate::search::{self, Answer, Query, Searcher};
use crate::segment::RowBuffer;
use crate::settings::Settings;
use crate::wal::Wal;

/// A state of an index: two equal ones hold the same items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Which of the openings of its [`Store`](crate::Store) the index is: one that is dropped and created again, or
    /// imported, is another.
    pub opening: u64,
    /// Changes since it was created: see [`Info::version`].
    pub changes: u64,
}

/// An open index. Its methods block: a write until it is durable, a search while it computes.
pub struct Collection {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) distance: Distance,
    pub(crate) dimension: usize,
    pub(crate) settings: Settings,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) state: RwLock<State>,
    /// The version in `state`, to be read without its lock.
    version: AtomicU64,
    opening: u64,
    pub(crate) writer: GroupCommit<Wal>,
    /// Held while files are created or removed, so that a drop does not race with a seal.
    pub(crate) files: Mutex<()>,
    /// Held by the one seal under way.
    pub(crate) on_disk: Mutex<OnDisk>,
    pub(crate) is_seal_queued: AtomicBool,
    pub(crate) seal_queue: SealQueue,
    /// Set when the index is dropped or the process ends: no more commits, no more files.
    pub(crate) is_closed: AtomicBool,
    /// Bytes of log that a restart would replay.
    pub(crate) wal_bytes: AtomicU64,
    /// Of those: below that, a seal that has failed is not tried again by itself.
    pub(crate) retry_above_bytes: AtomicU64,
}

/// The index as it is. Its lock is never held during I/O, a build or a search.
pub(crate) struct State {
    pub(crate) items: Items,
    /// Over the first slots; what came later is scanned.
    pub(crate) graph: Option<Arc<Graph>>,
    pub(crate) version: u64,
}

/// How an index is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its name.
    pub name: String,
    /// Numbers per vector.
    pub dimension: usize,
    /// Its distance.
    pub distance: Distance,
    /// Live items, those among them that have expired since the last [`Collection::expire`].
    pub count: usize,
    /// Those of them in segment files; a restart replays the others from the log.
    pub sealed: usize,
    /// Segment files.
    pub segments: usize,
    /// Raised by every change.
    pub version: u64,
    /// Slots that the graph covers, the dead among them; 0 while every search is an exact scan.
    pub indexed: usize,
    /// Slots written after the graph was built, or all where there is none: found by scan.
    pub buffered: usize,
    /// Slots of deleted and replaced items. A seal frees those that are in no segment file; it rewrites the others once
    /// they are many.
    pub dead: usize,
    /// Nodes that the graph's links do not lead to: found by scan.
    pub unreachable: usize,
    /// Bytes of log that a restart would replay.
    pub wal_bytes: u64,
    /// Whether it is being sealed, or waits for it.
    pub is_sealing: bool,
}

impl Collection {
    /// Adds items, or replaces those with the same ids: all of them, durably, or none.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the first item at fault; the others mean that nothing was acknowledged.
    pub fn add(&self, items: Vec<Item>) -> Result<Changed, Error> {
        self.upsert(items, Until::Visible)
    }

    /// The same, but returns as soon as all of them are in the log, durably: searches may see them only a moment later,
    /// namely when [`Info::version`] has reached the version returned.
    ///
    /// # Errors
    /// See [`Collection::add`].
    pub fn add_nowait(&self, items: Vec<Item>) -> Result<u64, Error> {
        self.upsert(items, Until::Durable).map(|changed| changed.version)
    }

    fn upsert(&self, items: Vec<Item>, until: Until) -> Result<Changed, Error> {
        let admitted = items.into_iter().enumerate().map(|(position, item)| {
            self.admit(item).map_err(|problem| Invalid::Item { position, problem: Box::new(problem) })
        });
        let admitted: Vec<Admitted> = admitted.collect::<Result<_, _>>()?;
        let bytes = admitted.iter().map(Admitted::bytes).sum();
        self.change(admitted.is_empty(), Op::Upsert(admitted), bytes, until)
    }

    fn admit(&self, item: Item) -> Result<Admitted, Invalid> {
        wire::names::check_id(&item.id).map_err(Invalid::Id)?;
        let row = self.distance.admit(item.vector, self.dimension)?;
        let (metadata, expires_ms) = (item.metadata, item.expires_ms.filter(|time| *time != NEVER_MS));
        Ok(Admitted { record: Arc::new(Record { id: item.id.into(), metadata, expires_ms }), row })
    }

    /// Deletes items, durably. Ids without an item are passed over.
    ///
    /// # Errors
    /// Nothing was acknowledged.
    pub fn delete(&self, ids: Vec<String>) -> Result<Changed, Error> {
        let bytes = ids.iter().map(String::len).sum();
        self.change(ids.is_empty(), Op::Delete(ids), bytes, Until::Visible)
    }

    /// Deletes, durably, what has expired by `now_ms`, Unix milliseconds. Searches do not return it anyway; this frees
    /// its place and counts it off.
    ///
    /// # Errors
    /// Nothing was acknowledged.
    pub fn expire(&self, now_ms: u64) -> Result<Changed, Error> {
        let is_empty = self.state.read().items.expired(now_ms).next().is_none();
        self.change(is_empty, Op::Expire { now_ms }, size_of::<u64>(), Until::Visible)
    }

    fn change(&self, is_empty: bool, op: Op, bytes: usize, until: Until) -> Result<Changed, Error> {
        if is_empty {
            return Ok(Changed { version: self.state.read().version, ..Changed::default() });
        }
        let changed = self.writer.submit(op, bytes, until, |wal, group| self.commit(wal, group))?;
        self.seal_if_due();
        Ok(changed)
    }

    /// Disk first, then memory: what a search has seen is never lost.
    fn commit(&self, wal: &mut Wal, group: Vec<Waiting>) {
        let version = self.state.read().version;
        let written = if self.is_closed() {
            Err(Error::NotFound { name: self.name.clone() })
        } else {
            wal.commit(&encode_commit(version, group.iter().map(|waiting| &waiting.op)))
        };
        self.wal_bytes.store(wal.replay_bytes(), Relaxed);
        if let Err(error) = written {
            group.into_iter().for_each(|waiting| waiting.resolve(Err(error.repeat())));
            return;
        }
        self.writer.acknowledge(&group, version + 1);
        let mut state = self.state.write();
        for waiting in group {
            let changed = waiting.op.apply(&mut state.items);
            state.version += 1;
            // Before the acknowledgement: who reads this version after it knows that earlier answers are out of date.
            self.version.store(state.version, Release);
            waiting.resolve(Ok(Changed { version: state.version, ..changed }));
        }
    }

    /// The item of this id, unless it has expired by `now_ms`. Under cosine its vector is of unit length.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn get(&self, id: &str, now_ms: u64) -> Result<Option<Item>, Error> {
        let (slot, view) = {
            let state = self.state.read();
            let Some(slot) = state.items.slot_of(id) else { return Ok(None) };
            (slot, Arc::clone(state.items.view()))
        };
        let expires_ms = view.expires_ms(slot);
        if expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            return Ok(None);
        }
        let mut buffer = RowBuffer::default();
        let vector = view.rows().row(slot, &mut buffer).map_err(|e| self.unreadable(e))?.to_vec();
        Ok(Some(Item { id: id.to_owned(), vector, metadata: view.metadata(slot), expires_ms }))
    }

    /// The items nearest to the query's vector.
    ///
    /// # Errors
    /// [`Error::Invalid`] and [`Error::Io`].
    pub fn search(&self, mut query: Query) -> Result<Answer, Error> {
        search::check(&query)?;
        query.vector = self.distance.admit(std::mem::take(&mut query.vector), self.dimension)?;
        // Writers wait for this, and not for the search.
        let (eligible, view, graph, version) = {
            let State { items, graph, version } = &*self.state.read();
            (search::eligible(&query, items), Arc::clone(items.view()), graph.clone(), *version)
        };
        let searcher = Searcher {
            view: &view,
            graph: graph.as_deref(),
            distance: self.distance,
            exact_below: self.settings.exact_below,
            default_ef: self.settings.search_breadth,
        };
        let version = Version { opening: self.opening, changes: version };
        let (hits, is_exact) = searcher.search(&query, eligible.as_ref()).map_err(|e| self.unreadable(e))?;
        Ok(Answer { hits, is_exact, distance: self.distance, version })
    }

    fn unreadable(&self, error: io::Error) -> Error {
        Error::io("read a vector in", &self.folder, error)
    }

    /// The state of the index, without waiting for any lock. What was acknowledged before the call is in it.
    pub fn version(&self) -> Version {
        Version { opening: self.opening, changes: self.version.load(Acquire) }
    }

    /// How the index is doing.
    pub fn info(&self) -> Info {
        let state = self.state.read();
        let view = state.items.view();
        let indexed = state.graph.as_ref().map_or(0, |graph| graph.len());
        Info {
            name: self.name.clone(),
            dimension: self.dimension,
            distance: self.distance,
            count: view.live(),
            sealed: view.alive().count_below(view.sealed().slots()),
            segments: view.sealed().segments().len(),
            version: state.version,
            indexed: indexed as usize,
            buffered: (view.slots() - indexed) as usize,
            dead: view.dead(),
            unreachable: state.graph.as_ref().map_or(0, |graph| graph.unreachable().len()),
            wal_bytes: self.wal_bytes.load(Relaxed),
            is_sealing: self.is_seal_queued.load(Relaxed) || self.on_disk.is_locked(),
        }
    }

    /// No commit is acknowledged and no file is created or removed after this returns.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Relaxed);
        self.writer.exclusively(|_| ());
        drop(self.files.lock());
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Relaxed)
    }

    fn seal_if_due(&self) {
        let may_try = self.wal_bytes.load(Relaxed) >= self.retry_above_bytes.load(Relaxed);
        if may_try && self.is_seal_due() && !self.is_seal_queued.swap(true, Relaxed) {
            self.seal_queue.push(&self.name);
        }
    }
}

impl std::fmt::Debug for Collection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Collection").field(&self.info()).finish()
    }
}

/// What the indexes of a store share.
pub(crate) struct Common {
    pub(crate) settings: Settings,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) seal_queue: SealQueue,
    /// Indexes put into service so far.
    pub(crate) openings: AtomicU64,
}

impl Collection {
    /// Puts an index into service whose files are in `folder`.
    pub(crate) fn new(name: &str, folder: PathBuf, opened: Opened, common: &Common) -> Arc<Self> {
        let Opened { distance, state, on_disk, log } = opened;
        let wal = Wal::resume(Arc::clone(&common.disk), name, &folder, log);
        let collection = Arc::new(Self {
            name: name.to_owned(),
            folder,
            distance,
            dimension: state.items.view().rows().dimension(),
            settings: common.settings.clone(),
            disk: Arc::clone(&common.disk),
            version: AtomicU64::new(state.version),
            opening: common.openings.fetch_add(1, Relaxed),
            state: RwLock::new(state),
            wal_bytes: AtomicU64::new(wal.replay_bytes()),
            retry_above_bytes: AtomicU64::default(),
            writer: GroupCommit::new(wal),
            files: Mutex::default(),
            on_disk: Mutex::new(on_disk),
            is_seal_queued: AtomicBool::default(),
            seal_queue: common.seal_queue.clone(),
            is_closed: AtomicBool::default(),
        });
        collection.seal_if_due();
        collection
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::metadata::Metadata;
    use crate::store::Store;

    #[test]
    fn change_that_nobody_waits_to_see_is_acknowledged_by_the_log_alone() {
        let root = tempfile::tempdir().unwrap();
        let store = Store::open(root.path(), Settings::default()).unwrap();
        store.create("t", 2, Distance::Dot).unwrap();
        let index = store.get("t").unwrap();
        let (waiting, outcome) = Waiting::new(Op::Delete(vec!["a".to_owned()]), 1, Until::Durable);
        std::thread::scope(|scope| {
            let state = index.state.read();
            let index = Arc::clone(&index);
            scope.spawn(move || index.writer.exclusively(|wal| index.commit(wal, vec![waiting])));
            // The commit cannot change the index while its state is being read.
            let deadline = Instant::now() + Duration::from_secs(60);
            while outcome.lock().is_none() {
                assert!(Instant::now() < deadline, "waited a minute for the acknowledgement");
                std::thread::yield_now();
            }
            assert_eq!(state.version, 0);
        });
        let changed = outcome.lock().take().unwrap().unwrap();
        assert_eq!((changed.version, index.info().version), (1, 1));
        let item = Item {
            id: "b".to_owned(),
            vector: vec![1.0, 2.0],
            metadata: Metadata::default(),
            expires_ms: None,
        };
        assert_eq!(index.add_nowait(vec![item]).unwrap(), 2);
    }
}
