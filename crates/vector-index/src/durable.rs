//! Files that are on disk when a function returns, and the seam through which tests make the disk fail.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::Error;

/// The file operations that a full or failing disk refuses.
///
/// A caller may implement it to time them; tests implement it to refuse them, or to look at the files in between.
pub trait Disk: Send + Sync {
    /// Creates a file for writing, or empties the one of this name.
    ///
    /// # Errors
    /// Whatever the operating system says.
    fn create(&self, path: &Path) -> io::Result<File> {
        File::create(path)
    }

    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// Whatever the operating system says; part of the bytes may have been written.
    fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    /// Returns when what was appended to the log `file` is on the device.
    ///
    /// # Errors
    /// Whatever the operating system says; what is on the device is then unknown.
    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Returns when all of a new `file` is on the device.
    ///
    /// # Errors
    /// Whatever the operating system says; what is on the device is then unknown.
    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Gives a complete file its name.
    ///
    /// # Errors
    /// Whatever the operating system says; nothing has changed.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Returns when the names in `folder` are on the device: created, renamed and removed ones.
    ///
    /// # Errors
    /// Whatever the operating system says; which names are on the device is then unknown.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    /// Removes a file.
    ///
    /// # Errors
    /// Whatever the operating system says; nothing has changed.
    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// The disk as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainDisk;

impl Disk for PlainDisk {}

/// Ending of files that are not complete yet. Nothing reads them; opening an index removes them.
pub(crate) const TEMPORARY: &str = "tmp";

/// What a file must hold to be the one that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) bytes: u64,
    /// Of all of them.
    pub(crate) crc: u32,
}

/// What is given to the system at once. While it copies, nothing else runs on the core, however urgent, unless the kernel
/// is built to be preempted: a graph of 13 MB in one call held up searches by 5 ms.
const PIECE: usize = 128 << 10;

/// A file that is being written, and its sum so far.
pub(crate) struct Unnamed<'a> {
    disk: &'a dyn Disk,
    file: File,
    bytes: u64,
    crc: crc32fast::Hasher,
}

impl Write for Unnamed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..bytes.len().min(PIECE)];
        self.disk.write_all_at(&self.file, bytes, self.bytes)?;
        self.bytes += bytes.len() as u64;
        self.crc.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Creates the file at `path` with what `write` writes, wholly or not at all: temporary file, sync, rename, sync of
/// the folder.
pub(crate) fn create_atomically(
    disk: &dyn Disk,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<Unnamed<'_>>) -> io::Result<()>,
) -> Result<Sum, Error> {
    let temporary = path.with_added_extension(TEMPORARY);
    let placed = write_synced(disk, &temporary, write).and_then(|sum| {
        disk.rename(&temporary, path)?;
        Ok(sum)
    });
    if placed.is_err() {
        // Best effort: a leftover is removed when the index is opened.
        let _ = disk.remove(&temporary);
    }
    let sum = placed.map_err(|e| Error::io("write", path, e))?;
    sync_folder(disk, path.parent().unwrap_or(Path::new(".")))?;
    Ok(sum)
}

fn write_synced(
    disk: &dyn Disk,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<Unnamed<'_>>) -> io::Result<()>,
) -> io::Result<Sum> {
    let unnamed = Unnamed { disk, file: disk.create(path)?, bytes: 0, crc: crc32fast::Hasher::new() };
    let mut out = BufWriter::with_capacity(1 << 20, unnamed);
    write(&mut out)?;
    let Unnamed { file, bytes, crc, .. } = out.into_inner()?;
    disk.sync_all(&file)?;
    Ok(Sum { bytes, crc: crc.finalize() })
}

/// Creates a folder and what is missing above it, durably.
pub(crate) fn create_folder(disk: &dyn Disk, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    let folder = std::path::absolute(folder).map_err(|e| Error::io("find", folder, e))?;
    let mut above = folder.ancestors().skip(1);
    above.next().map_or(Ok(()), |parent| sync_folder(disk, parent))?;
    for ancestor in above {
        // Whoever created it may not have synced it. Where this user may not, it is older than this process.
        let _ = sync_folder(disk, ancestor);
    }
    Ok(())
}

/// Makes the entries of a folder durable: created, renamed and removed names.
pub(crate) fn sync_folder(disk: &dyn Disk, folder: &Path) -> Result<(), Error> {
    disk.sync_folder(folder).map_err(|e| Error::io("sync folder", folder, e))
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// The sizes of what is written at once.
    #[derive(Default)]
    struct Sizes(Mutex<Vec<usize>>);

    impl Disk for Sizes {
        fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
            self.0.lock().push(bytes.len());
            PlainDisk.write_all_at(file, bytes, offset)
        }
    }

    #[test]
    fn large_file_is_written_whole_in_pieces_that_hold_up_nobody() {
        let (folder, sizes) = (tempfile::tempdir().unwrap(), Sizes::default());
        let path = folder.path().join("large");
        let content: Vec<u8> = (0..5 * PIECE as u32 + 3).map(|i| (i / 7) as u8).collect();
        let sum = create_atomically(&sizes, &path, |out| out.write_all(&content)).unwrap();
        assert!(fs::read(&path).unwrap() == content);
        assert_eq!(sum, Sum { bytes: content.len() as u64, crc: crc32fast::hash(&content) });
        assert!(sizes.0.into_inner().into_iter().all(|size| size <= PIECE));
    }
}
