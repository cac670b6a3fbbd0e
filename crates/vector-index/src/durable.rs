//! Files that are on disk when a function returns, and the seam through which tests make the disk fail.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::Error;

/// The operations of the write-ahead log that a full or failing disk refuses.
///
/// A caller may implement it to time them; tests implement it to refuse them.
pub trait Disk: Send + Sync {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// Whatever the operating system says; part of the bytes may have been written.
    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Returns when the data of `file` are on the device.
    ///
    /// # Errors
    /// Whatever the operating system says; what is on the device is then unknown.
    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// The disk as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainDisk;

impl Disk for PlainDisk {}

/// Ending of files that are not complete yet. Nothing reads them; opening an index removes them.
pub(crate) const TEMPORARY: &str = "tmp";

/// Creates the file at `path` with what `write` writes, wholly or not at all: temporary file, sync, rename, sync of
/// the folder.
pub(crate) fn create_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    let temporary = path.with_added_extension(TEMPORARY);
    let written = File::create(&temporary).and_then(|file| {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        write(&mut out)?;
        out.flush()?;
        out.get_ref().sync_all()
    });
    if let Err(cause) = written {
        // Best effort: a leftover is removed when the index is opened.
        let _ = fs::remove_file(&temporary);
        return Err(Error::io("write", path, cause));
    }
    fs::rename(&temporary, path).map_err(|e| Error::io("rename into place", path, e))?;
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Creates a folder and what is missing above it, durably.
pub(crate) fn create_folder(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    let folder = std::path::absolute(folder).map_err(|e| Error::io("find", folder, e))?;
    let mut above = folder.ancestors().skip(1);
    above.next().map_or(Ok(()), sync_folder)?;
    for ancestor in above {
        // Whoever created it may not have synced it. Where this user may not, it is older than this process.
        let _ = sync_folder(ancestor);
    }
    Ok(())
}

/// Makes the entries of a folder durable: created, renamed and removed names.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| Error::io("sync folder", folder, e))
}
