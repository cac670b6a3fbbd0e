//! Sealing: an index is compacted, its graph built, both written as a segment file, and the log begun anew. Reads and
//! writes go on meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, Sender};

use crate::collection::Collection;
use crate::error::Error;
use crate::graph::{self, BuildParams, Material};
use crate::items::Items;
use crate::segment::{self, Segment};
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

/// Dead slots are freed when they are more than this part of all.
const DEAD_PART: usize = 5;
/// A graph is built anew when what must be scanned beside it is more than this part of what it covers. A scanned slot
/// costs far less than a visited node: at 100,000 items both take about the same time at an eighth.
const BUFFERED_PART: usize = 8;

/// An index as it was when its log was rotated.
struct Snapshot {
    view: Arc<View>,
    version: u64,
    generation: u64,
}

impl Collection {
    /// Whether sealing would pay: the log is long, the dead are many, or the graph covers too little.
    pub(crate) fn is_seal_due(&self) -> bool {
        let state = self.state.read();
        let (live, dead) = (state.items.view().live(), state.items.view().dead());
        let covered = state.graph.as_ref().map_or(0, |graph| graph.len() as usize);
        let buffered = (live + dead).saturating_sub(covered);
        let exact_below = self.settings.exact_below;
        let is_graph_due = live > exact_below && buffered > exact_below.max(covered / BUFFERED_PART);
        let is_compaction_due = dead > (exact_below / 4).max((live + dead) / DEAD_PART);
        is_graph_due || is_compaction_due || self.wal_bytes.load(Relaxed) > self.settings.max_wal_bytes
    }

    /// Compacts the index, builds its graph if it has enough items, and writes both as a segment file.
    ///
    /// # Errors
    /// The index stays as it was, and is complete on disk, only not compact.
    pub fn seal(&self) -> Result<(), Error> {
        let _one_at_a_time = self.sealing.lock();
        self.seal_alone()
    }

    /// [`Collection::seal`], unless another seal has made it superfluous.
    pub(crate) fn seal_if_still_due(&self) -> Result<(), Error> {
        let _one_at_a_time = self.sealing.lock();
        if self.is_seal_due() { self.seal_alone() } else { Ok(()) }
    }

    /// The caller holds `sealing`.
    fn seal_alone(&self) -> Result<(), Error> {
        let Some(snapshot) = self.writer.exclusively(|wal| self.snapshot(wal))? else { return Ok(()) };
        let compact = Items::compacted(&snapshot.view);
        let graph = if compact.view().live() > self.settings.exact_below {
            let params = BuildParams {
                builder: self.settings.graph_builder,
                links: self.settings.graph_links,
                breadth: self.settings.graph_breadth,
                threads: self.settings.build_threads,
            };
            let material = Material {
                rows: compact.view().rows(),
                codes: compact.view().codes(),
                distance: self.distance,
            };
            graph::build(material, None, params, &self.is_closed)
        } else {
            None
        };
        let segment = Segment {
            distance: self.distance,
            version: snapshot.version,
            generation: snapshot.generation,
            items: compact,
            graph,
        };
        if !self.write(&segment)? {
            return Ok(());
        }
        self.adopt(snapshot.view, segment);
        let _files = self.files.lock();
        if self.is_closed.load(Relaxed) { Ok(()) } else { remove_before(&self.folder, snapshot.generation) }
    }

    /// The index now, with everything that comes later in a new log. `None` if the index is closed.
    fn snapshot(&self, wal: &mut Wal) -> Result<Option<Snapshot>, Error> {
        let _files = self.files.lock();
        if self.is_closed.load(Relaxed) {
            return Ok(None);
        }
        wal.rotate()?;
        self.wal_bytes.store(wal.len(), Relaxed);
        let state = self.state.read();
        let (view, version) = (Arc::clone(state.items.view()), state.version);
        Ok(Some(Snapshot { view, version, generation: wal.generation() }))
    }

    /// Returns whether it was written: a closed index gets no files.
    fn write(&self, segment: &Segment) -> Result<bool, Error> {
        let _files = self.files.lock();
        let is_open = !self.is_closed.load(Relaxed);
        if is_open {
            segment::write(&self.folder, segment)?;
        }
        Ok(is_open)
    }

    /// Puts the sealed items and graph into service, with the changes made since `then`.
    fn adopt(&self, then: Arc<View>, segment: Segment) {
        let (mut items, graph) = (segment.items, segment.graph.map(Arc::new));
        let now = || Arc::clone(self.state.read().items.view());
        // Most of what came while building is caught up while writers go on.
        let later = now();
        items.catch_up(&then, &later);
        let old = self.writer.exclusively(|_| {
            // No commit is under way, so the items cannot change between reading and writing them.
            items.catch_up(&later, &now());
            let mut state = self.state.write();
            (std::mem::replace(&mut state.items, items), std::mem::replace(&mut state.graph, graph))
        });
        drop((old, then, later)); // outside of the locks: it takes a while
    }
}

/// Removes what the segment of `generation` has made superfluous, and temporary files.
pub(crate) fn remove_before(folder: &Path, generation: u64) -> Result<(), Error> {
    for (path, kind) in list(folder)? {
        let is_superfluous = match kind {
            FileKind::Segment(other) | FileKind::Wal(other) => other < generation,
            FileKind::Temporary => true,
            FileKind::Foreign => false,
        };
        if is_superfluous {
            std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
        }
    }
    Ok(())
}

/// What a file in the folder of an index is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Segment(u64),
    Wal(u64),
    Temporary,
    Foreign,
}

impl FileKind {
    fn of(name: &str) -> Self {
        let number = |prefix, suffix| {
            name.strip_prefix(prefix)
                .and_then(|rest: &str| rest.strip_suffix(suffix))
                .and_then(|digits: &str| digits.parse().ok())
        };
        if let Some(generation) = number("segment-", ".seg") {
            Self::Segment(generation)
        } else if let Some(generation) = number("wal-", ".log") {
            Self::Wal(generation)
        } else if name.ends_with(&format!(".{}", crate::durable::TEMPORARY)) {
            Self::Temporary
        } else {
            Self::Foreign
        }
    }
}

/// The files in the folder of an index.
pub(crate) fn list(folder: &Path) -> Result<Vec<(PathBuf, FileKind)>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::io("list", folder, e))?;
    entries
        .map(|entry| {
            let path = entry.map_err(|e| Error::io("list", folder, e))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let kind = FileKind::of(name);
            Ok((path, kind))
        })
        .collect()
}
