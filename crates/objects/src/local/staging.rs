//! Uploads that are not objects yet.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use uuid::Uuid;

use super::durable::{create_dir, e_tag};
use crate::error::{IoContext, IoError};

/// The folder of staging files. Each is locked (`flock(2)`) by its writer for as long as that lives, so that
/// whoever opens the store can tell an upload in progress from one whose process died.
#[derive(Debug)]
pub(super) struct Staging(PathBuf);

impl Staging {
    /// Opens the folder and sweeps what crashed uploads left in it.
    pub(super) fn open(dir: PathBuf) -> Result<Self, IoError> {
        if let Some(own) = dir.parent() {
            create_dir(own)?;
        }
        create_dir(&dir)?;
        for abandoned in sweep(&dir, None, false)? {
            tracing::info!(upload = abandoned.id, "removed what a crashed upload left");
        }
        Ok(Self(dir))
    }

    /// A new, empty staging file, locked.
    pub(super) fn create(&self) -> Result<Staged, IoError> {
        loop {
            let path = self.0.join(Uuid::new_v4().simple().to_string());
            let file =
                OpenOptions::new().write(true).create_new(true).open(&path).context("creating", &path)?;
            file.lock().context("locking", &path)?;
            // Between its creation and its lock a sweep may have taken the file for abandoned.
            if file.metadata().context("reading", &path)?.nlink() > 0 {
                return Ok(Staged { file, path, is_object: false });
            }
        }
    }
}

/// An upload whose writer is gone, and that is no object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbandonedUpload {
    /// The name of its file.
    pub id: String,
    /// Its size, bytes.
    pub size_bytes: u64,
    /// When it was last written.
    pub modified: SystemTime,
}

/// Removes the staging files in `dir` whose writers are gone, or only finds them: all, or those last written before some
/// moment.
pub(super) fn sweep(
    dir: &Path,
    before: Option<SystemTime>,
    is_dry_run: bool,
) -> Result<Vec<AbandonedUpload>, IoError> {
    let mut abandoned = Vec::new();
    for entry in fs::read_dir(dir).context("listing", dir)? {
        let entry = entry.context("listing", dir)?;
        let path = entry.path();
        // A file that has gone since was renamed or swept by another.
        let Ok(file) = File::open(&path) else { continue };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error).context("locking", &path),
        }
        let metadata = file.metadata().context("reading", &path)?;
        let modified = metadata.modified().context("reading", &path)?;
        if before.is_some_and(|before| modified >= before) {
            continue;
        }
        if !is_dry_run {
            fs::remove_file(&path).context("removing", &path)?;
        }
        let id = entry.file_name().to_string_lossy().into_owned();
        abandoned.push(AbandonedUpload { id, size_bytes: metadata.len(), modified });
    }
    Ok(abandoned)
}

/// A staging file; removed when dropped before it became an object.
#[derive(Debug)]
pub(super) struct Staged {
    file: File,
    path: PathBuf,
    is_object: bool,
}

impl Staged {
    /// Writes bytes at an offset; parts may arrive in any order.
    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), IoError> {
        self.file.write_all_at(bytes, offset).context("writing", &self.path)
    }

    /// Takes the bytes of another file.
    pub(super) fn fill_from(&self, source: &mut File) -> Result<(), IoError> {
        io::copy(source, &mut &self.file).map(drop).context("writing", &self.path)
    }

    /// Brings the bytes to disk and returns the entity tag that they will have as an object.
    pub(super) fn sync(&self) -> Result<String, IoError> {
        self.file.sync_data().context("syncing", &self.path)?;
        Ok(e_tag(&self.file.metadata().context("reading", &self.path)?))
    }

    /// Becomes the object in `file`; the caller syncs its folder.
    pub(super) fn rename_to(mut self, file: &Path) -> Result<(), IoError> {
        fs::rename(&self.path, file).context("renaming a finished upload to", file)?;
        self.is_object = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // A file that cannot be removed now is swept when the store is opened next.
        if !self.is_object
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "an aborted upload remains until the next start");
        }
    }
}
