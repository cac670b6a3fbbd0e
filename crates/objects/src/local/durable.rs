//! File system steps that are on disk when they return.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{IoContext, IoError};

/// Syncs the entries of a folder: names that were added or removed.
pub(super) fn sync_dir(dir: &Path) -> Result<(), IoError> {
    File::open(dir).and_then(|dir| dir.sync_all()).context("syncing", dir)
}

/// Creates `root` and the folders above it that are missing, each synced into its parent.
pub(super) fn create_root(root: &Path) -> Result<(), IoError> {
    let missing: Vec<&Path> =
        root.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).collect();
    for dir in missing.into_iter().rev() {
        create_dir(dir)?;
    }
    Ok(())
}

/// Creates `folder` and the folders between it and `root` that are missing; those not in `durable` are synced into
/// their parents and noted there.
pub(super) fn create_dirs(folder: &Path, root: &Path, durable: &mut HashSet<PathBuf>) -> Result<(), IoError> {
    if folder == root {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_dirs(parent, root, durable)?;
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {
            if durable.contains(folder) {
                return Ok(());
            }
        }
        created => created.context("creating", folder)?,
    }
    sync_dir(folder.parent().unwrap_or(root))?;
    durable.insert(folder.to_owned());
    Ok(())
}

/// Creates one folder, if it is not there, and syncs it into its parent.
pub(super) fn create_dir(dir: &Path) -> Result<(), IoError> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        created => created.context("creating", dir)?,
    }
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

/// Removes the folders above `file` that are empty, up to `root`, and returns the lowest that remains: the one to
/// sync. A folder that another put needs is not empty or is made again, both under the lock.
pub(super) fn remove_empty_parents(file: &Path, root: &Path, durable: &mut HashSet<PathBuf>) -> PathBuf {
    let mut folder = file.parent().unwrap_or(root);
    while folder != root && fs::remove_dir(folder).is_ok() {
        durable.remove(folder);
        folder = folder.parent().unwrap_or(root);
    }
    folder.to_owned()
}

/// The entity tag of a file, quoted as in HTTP (RFC 9110 section 8.8.3). Every put makes a new file, so inode, time
/// and size together name one version.
pub(super) fn e_tag(metadata: &Metadata) -> String {
    let nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    format!("\"{:x}-{nanos:x}-{:x}\"", metadata.ino(), metadata.len())
}
