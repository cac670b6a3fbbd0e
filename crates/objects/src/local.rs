//! A folder as an object store that is durable, atomic and conditional.
//!
//! ```text
//! <root>/.lakehouse/lock        taken for the instant in which an object changes
//! <root>/.lakehouse/staging/    uploads that are not objects yet; swept at start
//! <root>/<key>                  the objects
//! ```
//!
//! A put writes a staging file, syncs it, takes the lock, checks its condition, renames the file over the key,
//! releases the lock and syncs the folder: the order of "Crash-consistent file replacement" in Pillai et al., *All
//! File Systems Are Not Created Equal*, OSDI 2014. The lock is `flock(2)`, so that it also orders processes, and the
//! kernel releases it when its holder dies.

mod durable;
mod list;
mod staging;
mod store;

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use object_store::path::Path;
use object_store::{PutMode, PutResult, Result};
use parking_lot::Mutex;

use crate::error::{IoContext, IoError};
use crate::{Error, Key, KeyError, RESERVED_SEGMENT};
use durable::{remove_empty_parents, sync_dir};
pub use staging::AbandonedUpload;
use staging::{Staged, Staging};

/// A folder of a local file system as an object store. All of it must be on one file system.
///
/// Several stores, also in several processes, may be open on one folder. Symbolic links are not followed: what is
/// behind one is neither listed nor read nor written.
#[derive(Debug, Clone)]
pub struct LocalStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    staging: Staging,
    lock: PathBuf,
    /// Folders whose entry in their parent is known to be on disk. A folder that another process made, and died
    /// before it synced the parent, looks like any other: so each is synced once by each process that relies on it.
    durable_dirs: Mutex<HashSet<PathBuf>>,
}

impl LocalStore {
    /// Opens the store in the folder `root`, which is created if missing, and removes what crashed uploads left.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be created, written or synced.
    pub fn open(root: &FsPath) -> Result<Self, Error> {
        durable::create_root(root)?;
        let root = fs::canonicalize(root).context("resolving", root)?;
        let own = root.join(RESERVED_SEGMENT);
        let staging = Staging::open(own.join("staging"))?;
        let lock = own.join("lock");
        File::create(&lock).context("creating", &lock)?;
        sync_dir(&own)?;
        sync_dir(&root)?;
        let durable_dirs = Mutex::new(HashSet::from([root.clone()]));
        Ok(Self(Arc::new(Inner { root, staging, lock, durable_dirs })))
    }

    /// Removes uploads whose writers are gone and that were last written before `before`, or only finds them.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder of uploads cannot be read or written.
    pub(crate) fn sweep(
        root: &FsPath,
        before: SystemTime,
        is_dry_run: bool,
    ) -> Result<Vec<AbandonedUpload>, Error> {
        let staging = root.join(RESERVED_SEGMENT).join("staging");
        Ok(staging::sweep(&staging, Some(before), is_dry_run)?)
    }

    /// The folder under the store, without symbolic links.
    pub fn root(&self) -> &FsPath {
        &self.0.root
    }
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalStore({})", self.0.root.display())
    }
}

impl Inner {
    /// The file of an object.
    ///
    /// # Errors
    /// `NotSupported` for what is no [`Key`], `NotFound` where a symbolic link is on the way.
    fn file(&self, location: &Path) -> Result<PathBuf> {
        let no_key = |error: KeyError| object_store::Error::NotSupported { source: error.into() };
        let key: Key = location.as_ref().parse().map_err(no_key)?;
        let mut file = self.root.clone();
        for segment in key.as_str().split('/') {
            file.push(segment);
            if file.is_symlink() {
                let source = "symbolic links are not followed".into();
                return Err(object_store::Error::NotFound { path: key.to_string(), source });
            }
        }
        Ok(file)
    }

    /// The folder of the keys below `prefix`, unless a symbolic link is on the way.
    fn folder(&self, prefix: &Path) -> Result<Option<PathBuf>> {
        if prefix.is_root() {
            return Ok(Some(self.root.clone()));
        }
        match self.file(prefix) {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            folder => folder.map(Some),
        }
    }

    /// Makes the staged bytes the object at `location`, if the condition holds; durable on return.
    fn publish(&self, staged: Staged, location: &Path, mode: &PutMode) -> Result<PutResult> {
        let file = self.file(location)?;
        let folder = file.parent().unwrap_or(&self.root);
        let result = PutResult { e_tag: Some(staged.sync()?), version: None };
        let published = {
            let _lock = self.lock()?;
            self.create_dirs(folder).map_err(|error| clash(error, location))?;
            check(&file, location, mode)
                .and_then(|()| staged.rename_to(&file).map_err(|error| clash(error, location)))
        };
        // Also when another won the race: its object must be on disk before anyone is told that it exists.
        sync_dir(folder)?;
        published.map(|()| result)
    }

    /// Removes the object at `location` and the folders that it leaves empty; durable on return.
    fn delete(&self, location: &Path) -> Result<()> {
        let file = self.file(location)?;
        let is_file = fs::symlink_metadata(&file).context("deleting", &file)?.is_file();
        if !is_file {
            let source = "it is a folder".into();
            return Err(object_store::Error::NotFound { path: location.to_string(), source });
        }
        let remaining = {
            let _lock = self.lock()?;
            fs::remove_file(&file).context("deleting", &file)?;
            remove_empty_parents(&file, &self.root, &mut self.durable_dirs.lock())
        };
        sync_dir(&remaining)?;
        Ok(())
    }

    fn create_dirs(&self, folder: &FsPath) -> Result<(), IoError> {
        durable::create_dirs(folder, &self.root, &mut self.durable_dirs.lock())
    }

    /// Taken for the moment in which the folder tree changes; released when dropped.
    fn lock(&self) -> Result<File, IoError> {
        let lock = File::open(&self.lock).context("opening", &self.lock)?;
        lock.lock().context("locking", &self.lock)?;
        Ok(lock)
    }
}

/// Whether the object that is there lets a put in `mode` proceed. Only under the lock does the answer hold.
fn check(file: &FsPath, location: &Path, mode: &PutMode) -> Result<()> {
    let current = match fs::symlink_metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        metadata => Some(metadata.context("reading", file)?),
    };
    let path = location.to_string();
    match (mode, current) {
        (PutMode::Overwrite, _) | (PutMode::Create, None) => Ok(()),
        (PutMode::Create, Some(_)) => {
            Err(object_store::Error::AlreadyExists { path, source: "another put came first".into() })
        }
        (PutMode::Update(_), None) => {
            Err(object_store::Error::Precondition { path, source: "there is no such object".into() })
        }
        (PutMode::Update(expected), Some(current)) => {
            let e_tag = durable::e_tag(&current);
            if expected.e_tag.as_ref() == Some(&e_tag) {
                return Ok(());
            }
            let source = format!("its ETag is {e_tag}").into();
            Err(object_store::Error::Precondition { path, source })
        }
    }
}

/// On a file system an object cannot be the folder of another: `a` and `a/b` exclude each other.
fn clash(error: IoError, location: &Path) -> object_store::Error {
    match error.source.kind() {
        ErrorKind::AlreadyExists
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::DirectoryNotEmpty => object_store::Error::AlreadyExists {
            path: location.to_string(),
            source: "an object cannot be the folder of another object".into(),
        },
        _ => error.into(),
    }
}
