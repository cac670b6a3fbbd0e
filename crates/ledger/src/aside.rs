//! For databases that are not missed: a damaged one makes room for a new one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Moves the database at `path` away with its log, beside itself under the name that is returned. What was set aside before
/// is replaced, so that there is never more than one.
pub fn set_aside(path: &Path) -> PathBuf {
    let aside = suffixed(path, ".set-aside");
    for suffix in ["", "-wal", "-shm"] {
        let (from, to) = (suffixed(path, suffix), suffixed(&aside, suffix));
        // What is not there cannot be moved, and what cannot be moved shows when the file is opened again.
        drop(std::fs::remove_file(&to));
        drop(std::fs::rename(from, to));
    }
    aside
}

fn suffixed(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    name.into()
}
