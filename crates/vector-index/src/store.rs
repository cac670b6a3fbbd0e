//! All indexes under one folder.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::Receiver;
use std::thread::{JoinHandle, available_parallelism};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use crate::MAX_DIMENSION;
use crate::collection::{Collection, Common, Info};
use crate::distance::Distance;
use crate::durable::{Disk, PlainDisk, create_folder, sync_folder};
use crate::error::{Error, Invalid};
use crate::recovery::{self, Hidden};
use crate::seal::SealQueue;
use crate::settings::Settings;

/// The state of one index in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// It serves.
    Open(Info),
    /// Its files failed a check; it can only be dropped.
    Quarantined {
        /// Its name.
        name: String,
        /// Which check failed.
        reason: String,
    },
}

/// Whether [`Store::create`] had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// There is a new, empty index.
    New,
    /// The same index existed already.
    Existing,
}

enum Entry {
    Open(Arc<Collection>),
    Quarantined { reason: String },
}

type Entries = RwLock<BTreeMap<String, Entry>>;

/// All indexes under one folder, which no other process may use meanwhile, and the thread that seals them.
pub struct Store {
    root: PathBuf,
    common: Common,
    entries: Arc<Entries>,
    /// Held while an index is created or dropped.
    changing: Mutex<()>,
    sealer: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens every index under `root`, which is created if it does not exist. An index whose files fail a check is
    /// quarantined; it takes nothing else down.
    ///
    /// # Errors
    /// `root` itself cannot be read or written.
    pub fn open(root: &Path, settings: Settings) -> Result<Self, Error> {
        Self::open_on(root, settings, Arc::new(PlainDisk))
    }

    /// The same, with all changes of files going through `disk`.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn open_on(root: &Path, settings: Settings, disk: Arc<dyn Disk>) -> Result<Self, Error> {
        create_folder(&*disk, root)?;
        let (seal_queue, due) = SealQueue::new();
        let common = Common { settings, disk, seal_queue, openings: AtomicU64::new(0) };
        let names = index_folders(&*common.disk, root)?;
        let entries: Arc<Entries> = Arc::new(RwLock::new(open_all(root, &names, &common)));
        let seen_by_sealer = Arc::clone(&entries);
        let sealer = std::thread::Builder::new()
            .name("sealer".to_owned())
            .spawn(move || {
                yield_to_others();
                seal_those_due(&seen_by_sealer, &due);
            })
            .map_err(|e| Error::io("start the sealer of", root, e))?;
        Ok(Self { root: root.to_owned(), common, entries, changing: Mutex::default(), sealer: Some(sealer) })
    }

    /// Creates an empty index, durably.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Exists`] with other properties, [`Error::Quarantined`], or a failed file operation.
    pub fn create(&self, name: &str, dimension: usize, distance: Distance) -> Result<Created, Error> {
        wire::names::check_name(name).map_err(Invalid::Name)?;
        if !(1..=MAX_DIMENSION).contains(&dimension) {
            return Err(Invalid::IndexDimension { got: dimension }.into());
        }
        let _changing = self.changing.lock();
        if let Ok(existing) = self.get(name)
            && (existing.dimension, existing.distance) == (dimension, distance)
        {
            return Ok(Created::Existing);
        }
        self.must_be_free(name)?;
        let folder = recovery::create(&*self.common.disk, &self.root, name, dimension, distance)?;
        let opened = recovery::open(&folder, &*self.common.disk)?;
        let collection = Collection::new(name, folder, opened, &self.common);
        self.entries.write().insert(name.to_owned(), Entry::Open(collection));
        Ok(Created::New)
    }

    /// Makes an index of an archive that [`Collection::export`] has written, here or elsewhere, from an index of
    /// whatever name: all of it, durably, or nothing.
    ///
    /// # Errors
    /// [`Error::Archive`] says exactly why it is refused. [`Error::Exists`] or [`Error::Quarantined`] if there is an
    /// index of this name: drop it first. [`Error::Invalid`], [`Error::BeingImported`], or a failed file operation.
    pub fn import(&self, name: &str, input: &mut dyn Read) -> Result<Info, Error> {
        wire::names::check_name(name).map_err(Invalid::Name)?;
        self.must_be_free(name)?;
        let (unplaced, opened) = recovery::unpack(&*self.common.disk, &self.root, name, input)?;
        let _changing = self.changing.lock();
        self.must_be_free(name)?;
        let folder = unplaced.place(&*self.common.disk, &self.root, name)?;
        let collection = Collection::new(name, folder, opened, &self.common);
        let info = collection.info();
        self.entries.write().insert(name.to_owned(), Entry::Open(collection));
        Ok(info)
    }

    fn must_be_free(&self, name: &str) -> Result<(), Error> {
        match self.get(name) {
            Ok(existing) => {
                let (dimension, distance) = (existing.dimension, existing.distance);
                Err(Error::Exists { name: name.to_owned(), dimension, distance })
            }
            Err(Error::NotFound { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// The index of this name.
    ///
    /// # Errors
    /// [`Error::NotFound`] or [`Error::Quarantined`].
    pub fn get(&self, name: &str) -> Result<Arc<Collection>, Error> {
        match self.entries.read().get(name) {
            Some(Entry::Open(collection)) => Ok(Arc::clone(collection)),
            Some(Entry::Quarantined { reason }) => {
                Err(Error::Quarantined { name: name.to_owned(), reason: reason.clone() })
            }
            None => Err(Error::NotFound { name: name.to_owned() }),
        }
    }

    /// Drops an index and its files, durably, also when it is damaged.
    ///
    /// # Errors
    /// [`Error::NotFound`], or a failed file operation: the index is then still listed and can be dropped again.
    pub fn drop_index(&self, name: &str) -> Result<(), Error> {
        let _changing = self.changing.lock();
        match self.get(name) {
            Ok(collection) => collection.close(),
            Err(Error::Quarantined { .. }) => {}
            Err(other) => return Err(other),
        }
        recovery::remove(&*self.common.disk, &self.root, name)?;
        self.entries.write().remove(name);
        Ok(())
    }

    /// Deletes, durably, what has expired by `now_ms`, Unix milliseconds, from every index.
    ///
    /// # Errors
    /// Those of the indexes where it failed, by name: they keep what has expired out of sight until the next time.
    pub fn expire(&self, now_ms: u64) -> Vec<(String, Error)> {
        let open = |(name, entry): (&String, &Entry)| match entry {
            Entry::Open(collection) => Some((name.clone(), Arc::clone(collection))),
            Entry::Quarantined { .. } => None,
        };
        let collections: Vec<_> = self.entries.read().iter().filter_map(open).collect();
        let expired = collections.into_iter().map(|(name, collection)| (name, collection.expire(now_ms)));
        expired.filter_map(|(name, expired)| Some((name, expired.err()?))).collect()
    }

    /// All indexes, by name.
    pub fn list(&self) -> Vec<Listed> {
        let describe = |(name, entry): (&String, &Entry)| match entry {
            Entry::Open(collection) => Listed::Open(collection.info()),
            Entry::Quarantined { reason } => {
                Listed::Quarantined { name: name.clone(), reason: reason.clone() }
            }
        };
        self.entries.read().iter().map(describe).collect()
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("root", &self.root).field("indexes", &self.list()).finish()
    }
}

impl Drop for Store {
    /// Waits for the sealer. All that was acknowledged is on disk already; a build under way is abandoned.
    fn drop(&mut self) {
        for entry in self.entries.read().values() {
            if let Entry::Open(collection) = entry {
                collection.is_closed.store(true, Relaxed);
            }
        }
        self.common.seal_queue.stop();
        if let Some(sealer) = self.sealer.take() {
            // It catches panics, so there is no other outcome to look at.
            let _ = sealer.join();
        }
    }
}

/// Opens indexes, on all cores: each is a few files to read, and the checksums take as long as reading.
fn open_all(root: &Path, names: &[String], common: &Common) -> BTreeMap<String, Entry> {
    let (next, opened) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..available_parallelism().map_or(1, usize::from).min(names.len()) {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Relaxed)) {
                    let entry = open_index(root, name, common);
                    opened.lock().insert(name.clone(), entry);
                }
            });
        }
    });
    opened.into_inner()
}

fn open_index(root: &Path, name: &str, common: &Common) -> Entry {
    let folder = root.join(name);
    match recovery::open(&folder, &*common.disk) {
        Ok(opened) => Entry::Open(Collection::new(name, folder, opened, common)),
        Err(failure) => {
            let reason = with_cause(&failure);
            tracing::error!(index = name, reason, "quarantined an index");
            Entry::Quarantined { reason }
        }
    }
}

/// Lets searches and writes go first on busy cores: the threads that build a graph inherit it. Not the lowest priority,
/// since writers wait while a seal ends. And in turns of the usual length, which the shorter ones of searches interrupt.
fn yield_to_others() {
    const NICENESS: i32 = 10;
    if let Err(cause) = scheduling::ask_for(Duration::ZERO) {
        tracing::debug!(%cause, "indexes are sealed in turns as long as those of searches");
    }
    // On Linux a thread has a priority of its own, and no process id stands for the thread that calls.
    #[cfg(target_os = "linux")]
    if let Err(cause) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!(%cause, "indexes are sealed at the priority of searches");
    }
}

fn seal_those_due(entries: &Entries, due: &Receiver<Option<String>>) {
    while let Ok(Some(name)) = due.recv() {
        let collection = match entries.read().get(&name) {
            Some(Entry::Open(collection)) => Arc::clone(collection),
            _ => continue,
        };
        // hnsw_rs panics on what it does not expect: the index stays whole without it, and slower.
        match catch_unwind(AssertUnwindSafe(|| collection.seal_if_still_due())) {
            Ok(Ok(())) => continue,
            Ok(Err(failure)) => {
                tracing::warn!(index = name, cause = with_cause(&failure), "an index could not be sealed");
            }
            Err(_) => tracing::error!(index = name, "sealing an index panicked"),
        }
        collection.put_off_sealing();
    }
}

/// The folders of indexes under `root`, after removing what unfinished creations and drops left behind.
fn index_folders(disk: &dyn Disk, root: &Path) -> Result<Vec<String>, Error> {
    let (mut names, mut has_removed) = (Vec::new(), false);
    for entry in fs::read_dir(root).map_err(|e| Error::io("list", root, e))? {
        let entry = entry.map_err(|e| Error::io("list", root, e))?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if Hidden::is_name(&name) {
            fs::remove_dir_all(&path).map_err(|e| Error::io("remove", &path, e))?;
            has_removed = true;
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) && wire::names::check_name(&name).is_ok()
        {
            names.push(name.into_owned());
        } else {
            tracing::warn!(path = %path.display(), "not an index: left alone");
        }
    }
    if has_removed {
        sync_folder(disk, root)?;
    }
    Ok(names)
}

fn with_cause(failure: &Error) -> String {
    match std::error::Error::source(failure) {
        Some(cause) => format!("{failure}: {cause}"),
        None => failure.to_string(),
    }
}
