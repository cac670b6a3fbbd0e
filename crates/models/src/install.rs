//! How files of models get to their place: one writer at a time, by one rename, synced before.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::ModelsError;

/// The right to change the cache `dir`, until the file is dropped: the system takes it back even from a process that was killed.
/// `on_wait` is called when another one has it.
///
/// # Errors
/// [`ModelsError::Io`] when `dir` is not there, or may not be written.
pub fn lock(dir: &Path, on_wait: impl FnOnce()) -> Result<File, ModelsError> {
    let path = dir.join(".lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(ModelsError::io("open", &path))?;
    if file.try_lock().is_err() {
        on_wait();
        file.lock().map_err(ModelsError::io("lock", &path))?;
    }
    Ok(file)
}

/// Makes sure that `dir` is there and that there is nothing in it.
///
/// # Errors
/// [`ModelsError::Io`] when what is in it cannot be removed, or the folder cannot be made.
pub fn make_empty(dir: &Path) -> Result<(), ModelsError> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ModelsError::io("remove", dir)(error)),
        _ => fs::create_dir_all(dir).map_err(ModelsError::io("create", dir)),
    }
}

/// Moves `files` to `target`; a folder that is there already goes to `aside` first, as rename replaces only empty ones.
///
/// # Errors
/// [`ModelsError::Io`] when one of the two cannot be moved; the three are on one file system.
pub fn install(files: &Path, target: &Path, aside: &Path) -> Result<(), ModelsError> {
    match fs::rename(target, aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ModelsError::io("replace", target)(error));
        }
        _ => {}
    }
    fs::rename(files, target).map_err(ModelsError::io("install", target))
}

/// Makes a file's bytes, or a folder's entries, survive a power cut.
///
/// # Errors
/// [`ModelsError::Io`] when it is not there, or the disk fails.
pub fn sync(path: &Path) -> Result<(), ModelsError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(ModelsError::io("sync", path))
}

/// Writes a new file; its bytes survive a power cut.
///
/// # Errors
/// [`ModelsError::Io`] when it cannot be made or written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), ModelsError> {
    let mut file = File::create(path).map_err(ModelsError::io("create", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(ModelsError::io("write", path))
}
