//! Rejected rows that can be fetched after the ingest, in files of NDJSON: bounded in size, in number and in age.
//!
//! ```text
//! rejects/.…            being written; deleted at the next start
//! rejects/{id}.ndjson   whole and synced, until it is too old or there are too many
//! ```

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;
use uuid::Uuid;
use wire::ingest::Reject;

const EXTENSION: &str = "ndjson";

/// The folder of them.
#[derive(Debug, Clone)]
pub(crate) struct RejectStore {
    folder: PathBuf,
    max_file_bytes: u64,
    max_all_bytes: u64,
    keep_for: Duration,
}

impl RejectStore {
    /// Opens `folder`, without what a killed process was writing.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub(crate) fn open(folder: PathBuf, config: &crate::Config) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != EXTENSION) {
                fs::remove_file(path)?;
            }
        }
        let keep_for = Duration::from_secs(u64::from(config.rejects_hours) * 3_600);
        let (max_file_bytes, max_all_bytes) = (config.max_rejects_bytes, config.max_all_rejects_bytes);
        Ok(Self { folder, max_file_bytes, max_all_bytes, keep_for })
    }

    /// A file for the rejected rows of one body; there is none on disk until there is a row.
    pub(crate) fn begin(&self) -> RejectedRows {
        RejectedRows {
            folder: self.folder.clone(),
            max_bytes: self.max_file_bytes,
            bytes: 0,
            rows: 0,
            file: None,
        }
    }

    /// The rows that were kept as `id`; none if there are none, or none any more.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn get(&self, id: Uuid) -> io::Result<Option<File>> {
        match File::open(path(&self.folder, id)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes the rows that were kept as `id`, as far as it can: an ingest that failed has none.
    pub(crate) fn discard(&self, id: Uuid) {
        if let Err(error) = fs::remove_file(path(&self.folder, id)) {
            tracing::warn!(%error, "rejected rows of a failed ingest remain until they are too old");
        }
    }

    /// Deletes what is too old at `now`, and the oldest beyond what all may take.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn sweep(&self, now: SystemTime) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                let metadata = fs::metadata(&path)?;
                files.push((metadata.modified()?, metadata.len(), path));
            }
        }
        files.sort_by(|a, b| b.cmp(a));
        let mut kept_bytes = 0;
        for (modified, bytes, path) in files {
            kept_bytes += bytes;
            let age = now.duration_since(modified).unwrap_or_default();
            if age > self.keep_for || kept_bytes > self.max_all_bytes {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn path(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(id.to_string()).with_extension(EXTENSION)
}

/// Rejected rows of a body that is being read. Unless it is kept, the file goes when this is dropped.
#[derive(Debug)]
pub(crate) struct RejectedRows {
    folder: PathBuf,
    max_bytes: u64,
    bytes: u64,
    rows: u64,
    file: Option<BufWriter<NamedTempFile>>,
}

impl RejectedRows {
    /// Adds a row, unless the file is as large as it may be.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn push(&mut self, reject: &Reject) -> io::Result<()> {
        if self.bytes >= self.max_bytes {
            return Ok(());
        }
        let mut line = serde_json::to_vec(reject)?;
        line.push(b'\n');
        if self.bytes + line.len() as u64 > self.max_bytes {
            // What follows may be shorter; but the file holds the first rows, not some.
            self.bytes = self.max_bytes;
            return Ok(());
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => BufWriter::new(NamedTempFile::new_in(&self.folder)?),
        };
        self.file.insert(file).write_all(&line)?;
        self.bytes += line.len() as u64;
        self.rows += 1;
        Ok(())
    }

    /// Rows in the file.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes the file durable, and says under which id it can be had; none if there were no rows.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn keep(self) -> io::Result<Option<Uuid>> {
        let Some(file) = self.file else { return Ok(None) };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        let id = Uuid::now_v7();
        file.persist(path(&self.folder, id)).map_err(|error| error.error)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(Some(id))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn store(folder: &Path, config: &crate::Config) -> RejectStore {
        RejectStore::open(folder.to_owned(), config).unwrap()
    }

    fn reject(line: u64) -> Reject {
        Reject { line, column: None, value: None, reason: "bad".to_owned() }
    }

    fn keep(store: &RejectStore, rows: u64) -> (u64, Option<Uuid>) {
        let mut rejected = store.begin();
        (1..=rows).for_each(|line| rejected.push(&reject(line)).unwrap());
        (rejected.rows(), rejected.keep().unwrap())
    }

    fn lines(store: &RejectStore, id: Uuid) -> Option<usize> {
        let mut text = String::new();
        store.get(id).unwrap()?.read_to_string(&mut text).unwrap();
        let rows: Vec<Reject> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Some(rows.len())
    }

    #[test]
    fn rows_are_there_after_a_restart_and_what_was_not_kept_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let before = store(folder.path(), &crate::Config::default());
        let (_, id) = keep(&before, 3);
        let mut killed = before.begin();
        killed.push(&reject(1)).unwrap();
        std::mem::forget(killed);
        let after = store(folder.path(), &crate::Config::default());
        assert_eq!(lines(&after, id.unwrap()), Some(3));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn no_row_makes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(keep(&store(folder.path(), &crate::Config::default()), 0), (0, None));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn file_holds_the_first_rows_up_to_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            store(folder.path(), &crate::Config { max_rejects_bytes: 200, ..crate::Config::default() });
        let (rows, id) = keep(&store, 100);
        assert!(0 < rows && rows < 5, "{rows}");
        assert_eq!(lines(&store, id.unwrap()), Some(rows as usize));
    }

    #[test]
    fn sweep_deletes_what_is_too_old_and_the_oldest_beyond_the_bound_of_all() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            store(folder.path(), &crate::Config { max_all_rejects_bytes: 150, ..crate::Config::default() });
        let ids: Vec<Uuid> = (0..3)
            .map(|hour| {
                let id = keep(&store, 1).1.unwrap();
                let at = SystemTime::UNIX_EPOCH + Duration::from_secs(hour * 3_600);
                store.get(id).unwrap().unwrap().set_modified(at).unwrap();
                id
            })
            .collect();
        let there = |ids: &[Uuid]| ids.iter().map(|id| lines(&store, *id).is_some()).collect::<Vec<_>>();
        store.sweep(SystemTime::UNIX_EPOCH + Duration::from_secs(3 * 3_600)).unwrap();
        assert_eq!(there(&ids), [false, true, true]);
        let week_later = SystemTime::UNIX_EPOCH + Duration::from_secs((7 * 24 + 1) * 3_600 + 1);
        store.sweep(week_later).unwrap();
        assert_eq!(there(&ids), [false, false, true]);
    }
}
