//! Creating the folder of an index, and making an index of what a folder holds after whatever happened to it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive;
use crate::bitset::Bitset;
use crate::codes::Codes;
use crate::collection::State;
use crate::distance::Distance;
use crate::durable::{Disk, sync_folder};
use crate::error::Error;
use crate::files::{self, FileName, Role};
use crate::graph_file;
use crate::items::Items;
use crate::manifest::Manifest;
use crate::ops::replay_commit;
use crate::seal::OnDisk;
use crate::sealed::Sealed;
use crate::segment;
use crate::view::View;
use crate::wal::{self, LogEnd};

/// Folders of indexes that are not there yet, or not any more. No index has a name that begins with a dot; opening the
/// store removes what a crash left of such folders.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hidden {
    Creating,
    Importing,
    Dropped,
}

impl Hidden {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Creating => ".creating-",
            Self::Importing => ".importing-",
            Self::Dropped => ".dropped-",
        }
    }

    pub(crate) fn folder(self, root: &Path, name: &str) -> PathBuf {
        root.join(format!("{}{name}", self.prefix()))
    }

    pub(crate) fn is_name(name: &str) -> bool {
        [Self::Creating, Self::Importing, Self::Dropped].iter().any(|kind| name.starts_with(kind.prefix()))
    }
}

/// Creates the folder of an empty index under `root`, durably and wholly or not at all.
pub(crate) fn create(
    disk: &dyn Disk,
    root: &Path,
    name: &str,
    dimension: usize,
    distance: Distance,
) -> Result<PathBuf, Error> {
    let unplaced = Unplaced(Hidden::Creating.folder(root, name));
    let _ = fs::remove_dir_all(&unplaced.0);
    fs::create_dir(&unplaced.0).map_err(|e| Error::io("create", &unplaced.0, e))?;
    Manifest::empty(dimension, distance).write(disk, &unplaced.0)?;
    wal::create(disk, &unplaced.0, 0)?;
    unplaced.place(disk, root, name)
}

/// The folder of an index that has no name yet. Dropped, it is gone.
pub(crate) struct Unplaced(PathBuf);

impl Unplaced {
    /// Gives the index its name, durably.
    pub(crate) fn place(self, disk: &dyn Disk, root: &Path, name: &str) -> Result<PathBuf, Error> {
        let folder = root.join(name);
        disk.rename(&self.0, &folder).map_err(|e| Error::io("rename into place", &folder, e))?;
        let synced = sync_folder(disk, root);
        if synced.is_err() {
            // Best effort: else it is there after a restart, although nobody was told so.
            let _ = disk.rename(&folder, &self.0);
        }
        synced.map(|()| folder)
    }
}

impl Drop for Unplaced {
    fn drop(&mut self) {
        // Best effort: opening the store removes what stays behind.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes an index of an archive, complete, durable and checked, in a folder without its name.
pub(crate) fn unpack(
    disk: &dyn Disk,
    root: &Path,
    name: &str,
    archive: &mut dyn Read,
) -> Result<(Unplaced, Opened), Error> {
    let hidden = Hidden::Importing.folder(root, name);
    fs::create_dir(&hidden).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => Error::BeingImported { name: name.to_owned() },
        _ => Error::io("create", &hidden, cause),
    })?;
    let unplaced = Unplaced(hidden);
    archive::unpack(disk, &unplaced.0, archive)?;
    let opened = open(&unplaced.0, disk).map_err(|failure| match failure {
        Error::Corrupt { file, reason } => Error::Archive { reason: format!("{}: {reason}", name_of(&file)) },
        Error::Io { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Error::Archive { reason: format!("it lacks {}", name_of(&path)) }
        }
        other => other,
    })?;
    Ok((unplaced, opened))
}

/// The name of a file, whose place in a hidden folder is of no use to anyone.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Takes the folder of an index away, durably: first out of sight at once, then byte by byte.
pub(crate) fn remove(disk: &dyn Disk, root: &Path, name: &str) -> Result<(), Error> {
    let (folder, hidden) = (root.join(name), Hidden::Dropped.folder(root, name));
    let _ = fs::remove_dir_all(&hidden);
    match disk.rename(&folder, &hidden) {
        // It went in an earlier attempt, of which only the sync failed.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
        renamed => renamed.map_err(|e| Error::io("rename", &folder, e))?,
    }
    sync_folder(disk, root)?;
    if let Err(cause) = fs::remove_dir_all(&hidden) {
        tracing::warn!(folder = %hidden.display(), %cause, "a dropped index still takes space until restart");
    }
    Ok(())
}

/// What the files of an index hold.
pub(crate) struct Opened {
    pub(crate) distance: Distance,
    pub(crate) state: State,
    pub(crate) on_disk: OnDisk,
    pub(crate) log: LogEnd,
}

/// Loads what the newest manifest names and replays the logs behind it.
pub(crate) fn open(folder: &Path, disk: &dyn Disk) -> Result<Opened, Error> {
    let listed = files::list(folder)?;
    let (manifest, _) = Manifest::read(folder, newest_generation(folder, &listed)?)?;
    let graph = match &manifest.graph {
        Some(entry) => graph_file::read(folder, entry)?.map(Arc::new),
        None => None,
    };
    if manifest.graph.is_some() && graph.is_none() {
        let why = "the graph is of an earlier format: searches scan until it has been built anew";
        tracing::info!(folder = %folder.display(), "{why}");
    }
    let mut state = State { items: sealed_items(folder, &manifest)?, graph, version: manifest.version };
    let logs = logs_behind(folder, &listed, manifest.generation)?;
    let log = replay(folder, logs, &mut state)?;
    if let Err(failure) = files::remove_superseded(disk, &listed, &manifest) {
        tracing::warn!(folder = %folder.display(), %failure, "superfluous files still take space");
    }
    let on_disk = OnDisk { generation: manifest.generation, graph: manifest.graph };
    Ok(Opened { distance: manifest.distance, state, on_disk, log })
}

fn sealed_items(folder: &Path, manifest: &Manifest) -> Result<Items, Error> {
    let mut codes = Codes::new(manifest.dimension);
    let mut open =
        |entry| segment::open(folder, entry, manifest.dimension, |row| codes.push(row)).map(Arc::new);
    let segments: Vec<_> = manifest.segments.iter().map(&mut open).collect::<Result<_, _>>()?;
    let sealed = Sealed::new(segments);
    let alive: Bitset = (0..sealed.slots()).filter(|slot| !manifest.dead.contains(*slot)).collect();
    Items::of_sealed(View::behind(sealed, codes, alive)).map_err(|reason| Error::corrupt(folder, reason))
}

/// Applies the logs to the items that the manifest stands for.
fn replay(folder: &Path, logs: Range<u64>, state: &mut State) -> Result<LogEnd, Error> {
    let is_only = logs.end - logs.start == 1;
    // A crash can leave an empty log behind the one that was written last.
    let last_written = if is_only { None } else { logs.clone().rfind(|log| !wal::is_empty(folder, *log)) };
    let mut end = LogEnd { generation: logs.start, len: 0, earlier_bytes: 0 };
    for generation in logs {
        let may_be_torn = last_written.is_none_or(|last| generation >= last);
        let len = wal::replay(folder, generation, may_be_torn, |payload| {
            state.version = replay_commit(payload, &mut state.items, state.version)?;
            Ok(())
        })?;
        end = LogEnd { generation, len, earlier_bytes: end.earlier_bytes + end.len };
    }
    Ok(end)
}

type Listed = [(PathBuf, Option<FileName>)];

fn numbers(listed: &Listed, role: Role) -> impl Iterator<Item = u64> {
    listed.iter().filter_map(move |(_, name)| name.filter(|name| name.role == role).map(|name| name.number))
}

/// The generation of the manifest that counts.
fn newest_generation(folder: &Path, listed: &Listed) -> Result<u64, Error> {
    if let Some(newest) = numbers(listed, Role::Manifest).max() {
        return Ok(newest);
    }
    let of_format_1 = numbers(listed, Role::Segment)
        .map(|number| FileName::new(Role::Segment, number).path(folder))
        .find(|path| is_segment_of_format_1(path));
    Err(match of_format_1 {
        Some(segment) => Error::corrupt(&segment, "format 1 is not the format 2 that this build reads"),
        None => Error::corrupt(folder, "there is no manifest"),
    })
}

fn is_segment_of_format_1(path: &Path) -> bool {
    let mut beginning = [0; 12];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut beginning));
    read.is_ok() && beginning == *b"LHVECSEG\x01\0\0\0"
}

/// The generations of the logs to replay: without a gap, beginning with that of the manifest.
fn logs_behind(folder: &Path, listed: &Listed, generation: u64) -> Result<Range<u64>, Error> {
    let mut logs: Vec<u64> = numbers(listed, Role::Log).filter(|log| *log >= generation).collect();
    logs.sort_unstable();
    let expected = generation..generation + logs.len() as u64;
    if logs.is_empty() || !expected.clone().eq(logs.iter().copied()) {
        let reason = format!("the logs are of generations {logs:?}, not from {generation} without a gap");
        return Err(Error::corrupt(folder, reason));
    }
    Ok(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Item, Metadata, PlainDisk, Query, Settings, Store};

    #[test]
    fn index_whose_graph_is_of_an_earlier_format_serves_by_scans_until_a_seal_builds_it_anew() {
        let root = tempfile::tempdir().unwrap();
        let settings = Settings { exact_below: 100, max_wal_bytes: u64::MAX, ..Settings::default() };
        let number = |i: u32, j: u32| ((i * 31 + j * 7) as f32).sin();
        {
            let store = Store::open(root.path(), settings.clone()).unwrap();
            store.create("old", 4, Distance::Euclidean).unwrap();
            let item = |i: u32| {
                let vector = (0..4).map(|j| number(i, j)).collect();
                Item { id: i.to_string(), vector, metadata: Metadata::default(), expires_ms: None }
            };
            store.get("old").unwrap().add((0..300).map(item).collect()).unwrap();
            store.get("old").unwrap().seal().unwrap();
        }
        let folder = root.path().join("old");
        let generation = newest_generation(&folder, &files::list(&folder).unwrap()).unwrap();
        let (mut manifest, _) = Manifest::read(&folder, generation).unwrap();
        let graph = manifest.graph.as_mut().unwrap();
        let path = FileName::new(Role::Graph, graph.number).path(&folder);
        let mut bytes = fs::read(&path).unwrap();
        bytes[8] = 2;
        graph.sum.crc = crc32fast::hash(&bytes);
        fs::write(&path, bytes).unwrap();
        manifest.write(&PlainDisk, &folder).unwrap();

        let opened = open(&folder, &PlainDisk).unwrap();
        assert!(opened.state.graph.is_none());
        let store = Store::open(root.path(), settings).unwrap();
        let index = store.get("old").unwrap();
        index.seal().unwrap();
        assert_eq!((index.info().count, index.info().indexed), (300, 300));
        let vector = (0..4).map(|j| number(7, j)).collect();
        assert_eq!(&*index.search(Query { vector, k: 1, ..Query::default() }).unwrap().hits[0].id, "7");
    }
}
