//! Creating the folder of an index, and making an index of what a folder holds after whatever happened to it.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::collection::{Parts, State};
use crate::distance::Distance;
use crate::durable::{Disk, sync_folder};
use crate::error::Error;
use crate::items::Items;
use crate::ops::replay_commit;
use crate::seal::{FileKind, list, remove_before};
use crate::segment::{self, Segment};
use crate::wal::{self, Wal};

/// Creates the folder of an empty index under `root`, durably and wholly or not at all.
pub(crate) fn create(root: &Path, name: &str, dimension: usize, distance: Distance) -> Result<(), Error> {
    // No index has a name that begins with a dot; opening the store removes what a crash left of such a folder.
    let hidden = root.join(format!(".creating-{name}"));
    let folder = root.join(name);
    let _ = fs::remove_dir_all(&hidden);
    fs::create_dir(&hidden).map_err(|e| Error::io("create", &hidden, e))?;
    let items = Items::new(dimension);
    segment::write(&hidden, &Segment { distance, version: 0, generation: 0, items, graph: None })?;
    wal::create(&hidden, 0)?;
    fs::rename(&hidden, &folder).map_err(|e| Error::io("rename into place", &folder, e))?;
    sync_folder(root)
}

/// Takes the folder of an index away, durably: first out of sight at once, then byte by byte.
pub(crate) fn remove(root: &Path, name: &str) -> Result<(), Error> {
    let folder = root.join(name);
    let hidden = root.join(format!(".dropped-{name}"));
    let _ = fs::remove_dir_all(&hidden);
    match fs::rename(&folder, &hidden) {
        // It went in an earlier attempt, of which only the sync failed.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
        renamed => renamed.map_err(|e| Error::io("rename", &folder, e))?,
    }
    sync_folder(root)?;
    if let Err(cause) = fs::remove_dir_all(&hidden) {
        tracing::warn!(folder = %hidden.display(), %cause, "a dropped index still takes space until restart");
    }
    Ok(())
}

/// Loads the newest segment and replays the logs behind it.
pub(crate) fn open(folder: &Path, name: &str, disk: Arc<dyn Disk>) -> Result<Parts, Error> {
    let files = list(folder)?;
    let newest = files.iter().filter_map(|(_, kind)| match kind {
        FileKind::Segment(generation) => Some(*generation),
        _ => None,
    });
    let generation = newest.max().ok_or_else(|| Error::corrupt(folder, "there is no segment file"))?;
    let segment = segment::read(folder, generation)?;
    remove_before(folder, generation)?;

    let (mut items, mut version) = (segment.items, segment.version);
    let logs = logs_from(folder, generation)?;
    // A crash can leave an empty log behind the one that was written last.
    let last_written = logs.clone().rfind(|log| !wal::is_empty(folder, *log));
    let mut end = 0;
    for log in logs.clone() {
        let may_be_torn = last_written.is_none_or(|last| log >= last);
        end = wal::replay(folder, log, may_be_torn, |payload| {
            version = replay_commit(payload, &mut items, version)?;
            Ok(())
        })?;
    }
    Ok(Parts {
        name: name.to_owned(),
        folder: folder.to_owned(),
        distance: segment.distance,
        state: State { items, graph: segment.graph.map(Arc::new), version },
        wal: Wal::resume(disk, name, folder, logs.end - 1, end),
    })
}

/// The generations of the logs to replay: without a gap, beginning with that of the segment.
fn logs_from(folder: &Path, generation: u64) -> Result<std::ops::Range<u64>, Error> {
    let mut logs: Vec<u64> = (list(folder)?.into_iter())
        .filter_map(|(_, kind)| match kind {
            FileKind::Wal(generation) => Some(generation),
            _ => None,
        })
        .collect();
    logs.sort_unstable();
    let expected = generation..generation + logs.len() as u64;
    if logs.is_empty() || !expected.clone().eq(logs.iter().copied()) {
        let reason = format!("the logs are of generations {logs:?}, not from {generation} without a gap");
        return Err(Error::corrupt(folder, reason));
    }
    Ok(expected)
}
