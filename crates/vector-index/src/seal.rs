//! Sealing: what the write buffer holds becomes a segment, the graph grows, and the log begins anew. Reads and writes
//! go on meanwhile.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender};

use crate::collection::Collection;
use crate::error::Error;
use crate::files::{self, Entry, FileName, Role};
use crate::graph::{self, BuildParams, Graph, Material};
use crate::graph_file;
use crate::items::Items;
use crate::manifest::Manifest;
use crate::plan::{self, Plan};
use crate::sealed::Sealed;
use crate::segment;
use crate::view::View;
use crate::wal::Wal;

/// Where indexes that are due wait for the one thread that seals.
#[derive(Debug, Clone)]
pub(crate) struct SealQueue(Sender<Option<String>>);

impl SealQueue {
    pub(crate) fn new() -> (Self, Receiver<Option<String>>) {
        let (sender, receiver) = std::sync::mpsc::channel();
        (Self(sender), receiver)
    }

    pub(crate) fn push(&self, name: &str) {
        // Without a receiver the store is closing, and the next start will seal.
        let _ = self.0.send(Some(name.to_owned()));
    }

    pub(crate) fn stop(&self) {
        let _ = self.0.send(None);
    }
}

/// A seal that has failed is tried again when the log has grown by this part of its longest.
const RETRY_PART: u64 = 8;

/// What the newest manifest says beyond what the segments in memory know of themselves. Who holds it may seal.
#[derive(Debug)]
pub(crate) struct OnDisk {
    pub(crate) generation: u64,
    pub(crate) graph: Option<Entry>,
}

/// An index as it was when its log was rotated.
struct Snapshot {
    view: Arc<View>,
    graph: Option<Arc<Graph>>,
    version: u64,
    /// Of the log that began then.
    generation: u64,
}

/// An index as its new files hold it.
struct Sealing {
    items: Items,
    graph: Option<Arc<Graph>>,
    manifest: Manifest,
}

impl Collection {
    /// Whether sealing would pay: the log is long, the dead are many, or the graph covers too little.
    pub(crate) fn is_seal_due(&self) -> bool {
        let state = self.state.read();
        let view = state.items.view();
        let covered = state.graph.as_ref().map_or(0, |graph| graph.len());
        plan::is_graph_due(view, covered, self.settings.exact_below)
            || plan::are_too_many(view.dead(), view.slots(), self.settings.exact_below)
            || self.wal_bytes.load(Relaxed) > self.settings.max_wal_bytes
    }

    /// Writes what the write buffer holds as a segment, merged with those before it that are not much larger; frees the
    /// slots of the dead where they are many; extends the graph where much lies beside it.
    ///
    /// # Errors
    /// The index stays as it was, and is complete on disk.
    pub fn seal(&self) -> Result<(), Error> {
        self.seal_alone(&mut self.on_disk.lock())
    }

    /// [`Collection::seal`], unless another seal has made it superfluous.
    pub(crate) fn seal_if_still_due(&self) -> Result<(), Error> {
        let mut on_disk = self.on_disk.lock();
        self.is_seal_queued.store(false, Relaxed);
        if self.is_seal_due() { self.seal_alone(&mut on_disk) } else { Ok(()) }
    }

    /// After a seal that has failed: it is not tried again with every write.
    pub(crate) fn put_off_sealing(&self) {
        let more = self.settings.max_wal_bytes / RETRY_PART;
        self.retry_above_bytes.store(self.wal_bytes.load(Relaxed) + more, Relaxed);
    }

    pub(crate) fn seal_alone(&self, on_disk: &mut OnDisk) -> Result<(), Error> {
        let Some(then) = self.writer.exclusively(|wal| self.begin(wal, on_disk))? else { return Ok(()) };
        let unfinished = Unfinished { collection: self, generation: then.generation };
        let Some(Sealing { items, graph, manifest }) = self.write(&then, on_disk)? else { return Ok(()) };
        unfinished.finish();
        *on_disk = OnDisk { generation: manifest.generation, graph: manifest.graph };
        self.adopt(then, items, graph);
        self.retry_above_bytes.store(0, Relaxed);
        self.with_files(|| files::remove_superseded(&*self.disk, &files::list(&self.folder)?, &manifest))?;
        Ok(())
    }

    /// The index now, with everything that comes later in a new log. `None` if there is nothing to seal.
    fn begin(&self, wal: &mut Wal, on_disk: &OnDisk) -> Result<Option<Snapshot>, Error> {
        if wal.is_empty_since(on_disk.generation) && !self.is_seal_due() {
            return Ok(None);
        }
        let rotated = self.with_files(|| wal.rotate())?;
        self.wal_bytes.store(wal.replay_bytes(), Relaxed);
        let state = self.state.read();
        Ok(rotated.map(|()| Snapshot {
            view: Arc::clone(state.items.view()),
            graph: state.graph.clone(),
            version: state.version,
            generation: wal.generation(),
        }))
    }

    /// Does `work` on files, unless the index is closed: it gets no files then.
    pub(crate) fn with_files<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<Option<T>, Error> {
        let _files = self.files.lock();
        if self.is_closed() { Ok(None) } else { work().map(Some) }
    }

    /// Writes all files of the sealed index. `None` if the index was closed meanwhile.
    fn write(&self, then: &Snapshot, on_disk: &OnDisk) -> Result<Option<Sealing>, Error> {
        let plan = Plan::of(&then.view, self.settings.exact_below);
        let Some(sealed) = self.with_files(|| self.write_segment(then, &plan))? else { return Ok(None) };
        let mut manifest = Manifest {
            version: then.version,
            generation: then.generation,
            segments: sealed.segments().map(|segment| *segment.entry()).collect(),
            ..Manifest::empty(self.dimension, self.distance)
        };
        let alive = plan.alive(&then.view);
        manifest.dead = (0..sealed.slots()).filter(|slot| !alive.contains(*slot)).collect();
        let codes = then.view.codes().rearranged(plan.kept_slots, &plan.slots);
        let items = Items::of_sealed(View::behind(sealed, codes, alive))
            .map_err(|reason| Error::corrupt(&self.folder, reason))?;

        let old = then.graph.as_ref().filter(|_| !plan.is_vacuum);
        let graph = self.grown(items.view(), old);
        let is_old = matches!((&graph, old), (Some(graph), Some(old)) if Arc::ptr_eq(graph, old));
        let written = self.with_files(|| {
            manifest.graph = match &graph {
                Some(_) if is_old => on_disk.graph,
                Some(new) => Some(graph_file::write(&*self.disk, &self.folder, then.generation, new)?),
                None => None,
            };
            manifest.write(&*self.disk, &self.folder)
        })?;
        Ok(written.map(|()| Sealing { items, graph, manifest }))
    }

    /// Writes the new segment, if any, and returns the segments of the sealed index.
    fn write_segment(&self, then: &Snapshot, plan: &Plan) -> Result<Sealed, Error> {
        let kept = then.view.sealed().segments().take(plan.kept_segments).map(Arc::clone);
        if plan.slots.is_empty() {
            return Ok(Sealed::new(kept));
        }
        let entry = segment::write(&*self.disk, &self.folder, then.generation, &then.view, &plan.slots)?;
        let new = segment::open(&self.folder, &entry, self.dimension, |_| ())?;
        Ok(Sealed::new(kept.chain([Arc::new(new)])))
    }

    /// The graph over `view`, of which `old` covers the first slots: it grows where too much lies beside it.
    fn grown(&self, view: &View, old: Option<&Arc<Graph>>) -> Option<Arc<Graph>> {
        let covered = old.map_or(0, |graph| graph.len());
        if !plan::is_graph_due(view, covered, self.settings.exact_below) {
            return old.map(Arc::clone);
        }
        let material = Material { rows: view.rows(), codes: view.codes(), distance: self.distance };
        let params = BuildParams {
            builder: self.settings.graph_builder,
            links: self.settings.graph_links,
            breadth: self.settings.graph_breadth,
            threads: self.settings.build_threads,
        };
        graph::build(material, old.map(|old| &**old), params, &self.is_closed).map(Arc::new)
    }

    /// Puts the sealed items and graph into service, with the changes made since `then`.
    fn adopt(&self, then: Snapshot, mut items: Items, graph: Option<Arc<Graph>>) {
        let now = || Arc::clone(self.state.read().items.view());
        // Most of what came while building is caught up while writers go on.
        let later = now();
        items.catch_up(&then.view, &later);
        let old = self.writer.exclusively(|wal| {
            // No commit is under way, so the items cannot change between reading and writing them.
            items.catch_up(&later, &now());
            wal.forget_earlier();
            self.wal_bytes.store(wal.replay_bytes(), Relaxed);
            let mut state = self.state.write();
            (std::mem::replace(&mut state.items, items), std::mem::replace(&mut state.graph, graph))
        });
        drop((old, then, later)); // outside of the locks: it takes a while
    }
}

/// A seal that has begun. Dropped, because it failed or panicked, it gives back the space that its files take.
struct Unfinished<'a> {
    collection: &'a Collection,
    generation: u64,
}

impl Unfinished<'_> {
    fn finish(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let Collection { folder, disk, .. } = self.collection;
        let path_of = |role| FileName::new(role, self.generation).path(folder);
        // If the manifest has its name, only a sync has failed: it may be there after a crash or not, and either way
        // all that is needed is there. What else stays behind, the next seal removes.
        let _ = self.collection.with_files(|| {
            if !path_of(Role::Manifest).exists() {
                let _ = [Role::Segment, Role::Graph].map(|role| disk.remove(&path_of(role)));
            }
            Ok(())
        });
    }
}
