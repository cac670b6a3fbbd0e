//! Uploads that are not objects yet.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

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
        let staging = Self(dir);
        staging.sweep()?;
        Ok(staging)
    }

    fn sweep(&self) -> Result<(), IoError> {
        for entry in fs::read_dir(&self.0).context("listing", &self.0)? {
            let path = entry.context("listing", &self.0)?.path();
            // A file that has gone since was renamed or swept by another.
            let Ok(file) = File::open(&path) else { continue };
            match file.try_lock() {
                Ok(()) => {
                    tracing::info!(path = %path.display(), "removing what a crashed upload left");
                    fs::remove_file(&path).context("removing", &path)?;
                }
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(error).context("locking", &path),
            }
        }
        Ok(())
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
