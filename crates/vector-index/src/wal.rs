//! The write-ahead log: one file per generation, one frame per group commit.
//!
//! ```text
//! header  "LHVECWAL" | format u32 | generation u64 | crc32 u32
//! frame   length u32 | crc32(length) u32 | crc32(payload) u32 | payload
//! ```
//! A commit is one frame, so a crash can damage the last frame only: it was never acknowledged, and is dropped with a
//! warning. A bad frame with a good one anywhere behind it was acknowledged once: that is corruption. The length has
//! its own checksum, because a damaged length must not pass for a frame that runs over the end of the file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::codec::{Fields, Put};
use crate::durable::{Disk, create_atomically};
use crate::error::Error;
use crate::files::{FileName, Role};

const MAGIC: &[u8; 8] = b"LHVECWAL";
const FORMAT: u32 = 2;
const HEADER_BYTES: usize = 24;
const FRAME_HEADER_BYTES: usize = 12;

/// The log's end, where commits go.
pub(crate) struct Wal {
    disk: Arc<dyn Disk>,
    index: String,
    folder: PathBuf,
    generation: u64,
    /// Opened by the first commit, so that thousands of idle indexes hold no descriptors.
    file: Option<File>,
    /// Where the next frame goes: all before it is acknowledged.
    len: u64,
    /// Bytes in earlier files that a restart still replays.
    earlier_bytes: u64,
    poisoned: Option<String>,
}

/// Where commits go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogEnd {
    pub(crate) generation: u64,
    /// Bytes of this log that [`replay`] has found sound.
    pub(crate) len: u64,
    /// Bytes in the logs before it.
    pub(crate) earlier_bytes: u64,
}

/// Where the log of a generation lies in the folder of its index.
pub(crate) fn path_of(folder: &Path, generation: u64) -> PathBuf {
    FileName::new(Role::Log, generation).path(folder)
}

/// Creates an empty log, durably.
pub(crate) fn create(disk: &dyn Disk, folder: &Path, generation: u64) -> Result<(), Error> {
    let mut header = MAGIC.to_vec();
    header.put_u32(FORMAT);
    header.put_u64(generation);
    header.put_u32(crc32fast::hash(&header));
    create_atomically(disk, &path_of(folder, generation), |out| out.write_all(&header))?;
    Ok(())
}

impl Wal {
    /// Continues a log where [`replay`] has found its end.
    pub(crate) fn resume(disk: Arc<dyn Disk>, index: &str, folder: &Path, end: LogEnd) -> Self {
        let LogEnd { generation, len, earlier_bytes } = end;
        let (index, folder) = (index.to_owned(), folder.to_owned());
        Self { disk, index, folder, generation, file: None, len, earlier_bytes, poisoned: None }
    }

    /// The generation of the current file.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Bytes of log that a restart would replay.
    pub(crate) fn replay_bytes(&self) -> u64 {
        self.earlier_bytes + self.len
    }

    /// Whether nothing was committed since the manifest of `generation`.
    pub(crate) fn is_empty_since(&self, generation: u64) -> bool {
        self.generation == generation && self.len <= HEADER_BYTES as u64
    }

    /// A manifest has taken over what is in earlier files.
    pub(crate) fn forget_earlier(&mut self) {
        self.earlier_bytes = 0;
    }

    /// Appends one frame. It is on the device when this returns `Ok`; else nothing of it will be replayed, or the log
    /// is poisoned and says so to every later commit.
    pub(crate) fn commit(&mut self, payload: &[u8]) -> Result<(), Error> {
        if let Some(reason) = self.poisoned.clone() {
            return Err(self.poison(reason));
        }
        let path = path_of(&self.folder, self.generation);
        if u32::try_from(payload.len()).is_err() {
            return Err(Error::io("append to", &path, io::ErrorKind::FileTooLarge.into()));
        }
        let file = opened(&mut self.file, &path)?;
        let frame = frame(payload);
        if let Err(cause) = self.disk.write_all_at(file, &frame, self.len) {
            // Part of the frame may be in the file: take it back, so that the next frame follows the last good one.
            return match file.set_len(self.len) {
                Ok(()) => Err(Error::io("append to", &path, cause)),
                Err(second) => {
                    Err(self.poison(format!("a write failed ({cause}) and could not be undone ({second})")))
                }
            };
        }
        if let Err(cause) = self.disk.sync_data(file) {
            // After a failed sync the kernel may drop the dirty pages and report success next time: never retry.
            return Err(self.poison(format!("a sync of the log failed ({cause})")));
        }
        self.len += frame.len() as u64;
        Ok(())
    }

    /// No commit is taken from now on.
    fn poison(&mut self, reason: String) -> Error {
        if self.poisoned.is_none() {
            tracing::error!(
                index = self.index,
                reason,
                "an index takes no more writes until it is opened again"
            );
        }
        self.poisoned = Some(reason.clone());
        Error::Poisoned { name: self.index.clone(), reason }
    }

    /// Lets the next commit go to a new file. What is in the old one is complete and stays until it is removed.
    pub(crate) fn rotate(&mut self) -> Result<(), Error> {
        if let Some(reason) = self.poisoned.clone() {
            return Err(self.poison(reason));
        }
        // Replay may have found a whole frame that was written and never synced before the process died. Nothing may
        // be built upon it in the next file before it is durable here.
        let file = opened(&mut self.file, &path_of(&self.folder, self.generation))?;
        if let Err(cause) = self.disk.sync_data(file) {
            return Err(self.poison(format!("a sync of the log failed ({cause})")));
        }
        if let Err(failure) = create(&*self.disk, &self.folder, self.generation + 1) {
            // It may be in place with its name not durable. Recovery passes over an empty log, if this fails too.
            let _ = self.disk.remove(&path_of(&self.folder, self.generation + 1));
            return Err(failure);
        }
        self.generation += 1;
        self.file = None;
        self.earlier_bytes += self.len;
        self.len = HEADER_BYTES as u64;
        Ok(())
    }
}

fn opened<'a>(file: &'a mut Option<File>, path: &Path) -> Result<&'a mut File, Error> {
    let open = match file.take() {
        Some(open) => open,
        None => OpenOptions::new().write(true).open(path).map_err(|e| Error::io("open", path, e))?,
    };
    Ok(file.insert(open))
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + payload.len());
    frame.put_u32(payload.len() as u32);
    frame.put_u32(crc32fast::hash(&(payload.len() as u32).to_le_bytes()));
    frame.put_u32(crc32fast::hash(payload));
    frame.extend_from_slice(payload);
    frame
}

/// Whether no commit was ever begun in a log.
pub(crate) fn is_empty(folder: &Path, generation: u64) -> bool {
    fs::metadata(path_of(folder, generation)).is_ok_and(|file| file.len() <= HEADER_BYTES as u64)
}

/// Hands each payload of a log to `apply`, in order, and returns the length of its sound part.
///
/// `may_be_torn` says that no newer log was written: only then may the last frame be torn, and it is cut off.
pub(crate) fn replay(
    folder: &Path,
    generation: u64,
    may_be_torn: bool,
    mut apply: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<u64, Error> {
    let path = &path_of(folder, generation);
    let bytes = fs::read(path).map_err(|e| Error::io("read", path, e))?;
    check_header(&bytes, generation).map_err(|reason| Error::corrupt(path, reason))?;
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        let Some(payload) = frame_at(&bytes[at..]) else {
            let is_torn =
                may_be_torn && !(at + 1..bytes.len()).any(|later| frame_at(&bytes[later..]).is_some());
            if !is_torn {
                return Err(Error::corrupt(path, format!("the frame at byte {at} fails its checksum")));
            }
            tracing::warn!(
                file = %path.display(), at, dropped_bytes = bytes.len() - at,
                "dropped an unfinished last commit"
            );
            truncate(path, at as u64)?;
            break;
        };
        apply(payload).map_err(|reason| Error::corrupt(path, format!("the frame at byte {at}: {reason}")))?;
        at += FRAME_HEADER_BYTES + payload.len();
    }
    Ok(at as u64)
}

fn check_header(bytes: &[u8], generation: u64) -> Result<(), String> {
    let header = bytes.get(..HEADER_BYTES).ok_or("the header is incomplete")?;
    let mut fields = Fields(header);
    let magic = fields.take(MAGIC.len())?;
    let (format, stored_generation, crc) = (fields.u32()?, fields.u64()?, fields.u32()?);
    if magic != MAGIC || crc != crc32fast::hash(&header[..HEADER_BYTES - 4]) {
        return Err("the header fails its checksum".to_owned());
    }
    if format != FORMAT {
        return Err(format!("format {format} is not the format {FORMAT} that this build reads"));
    }
    if stored_generation != generation {
        return Err(format!("the file is named generation {generation} and holds {stored_generation}"));
    }
    Ok(())
}

/// The payload of the frame at the front of `bytes`, if it is whole and sound.
fn frame_at(bytes: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields(bytes);
    let (len, len_crc, crc) = (fields.u32().ok()?, fields.u32().ok()?, fields.u32().ok()?);
    if len_crc != crc32fast::hash(&len.to_le_bytes()) {
        return None;
    }
    fields.take(len as usize).ok().filter(|payload| crc32fast::hash(payload) == crc)
}

fn truncate(path: &Path, len: u64) -> Result<(), Error> {
    let cut = || {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(len)?;
        file.sync_all()
    };
    cut().map_err(|e| Error::io("cut the torn end off", path, e))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;
    use crate::durable::PlainDisk;

    fn end_at(len: u64) -> LogEnd {
        LogEnd { generation: 0, len, earlier_bytes: 0 }
    }

    fn log_of(folder: &Path, payloads: &[&[u8]]) -> Wal {
        create(&PlainDisk, folder, 0).unwrap();
        let mut wal = Wal::resume(Arc::new(PlainDisk), "t", folder, end_at(HEADER_BYTES as u64));
        for payload in payloads {
            wal.commit(payload).unwrap();
        }
        wal
    }

    fn read(folder: &Path, may_be_torn: bool) -> Result<Vec<Vec<u8>>, Error> {
        let mut seen = Vec::new();
        replay(folder, 0, may_be_torn, |payload| {
            seen.push(payload.to_vec());
            Ok(())
        })
        .map(|_| seen)
    }

    #[test]
    fn log_torn_at_any_byte_keeps_every_whole_frame_and_takes_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let full_len = log_of(folder.path(), &[b"one", b"two", b"three"]).replay_bytes();
        let full = fs::read(path_of(folder.path(), 0)).unwrap();
        assert_eq!(full.len() as u64, full_len);
        for cut in HEADER_BYTES..full.len() {
            fs::write(path_of(folder.path(), 0), &full[..cut]).unwrap();
            let whole = read(folder.path(), true).unwrap();
            let expected = if cut < 39 {
                0
            } else if cut < 54 {
                1
            } else {
                2
            };
            assert_eq!(whole.len(), expected, "cut at {cut}");

            let len = fs::metadata(path_of(folder.path(), 0)).unwrap().len();
            let mut wal = Wal::resume(Arc::new(PlainDisk), "t", folder.path(), end_at(len));
            wal.commit(b"after").unwrap();
            assert_eq!(read(folder.path(), true).unwrap().last().unwrap(), b"after");
        }
    }

    #[test]
    fn flipped_byte_is_corruption_unless_it_is_in_the_last_frame() {
        let folder = tempfile::tempdir().unwrap();
        log_of(folder.path(), &[b"one", b"two", b"three"]);
        let full = fs::read(path_of(folder.path(), 0)).unwrap();
        let last_frame = full.len() - FRAME_HEADER_BYTES - 5;
        for at in 0..full.len() {
            let mut damaged = full.clone();
            damaged[at] ^= 0x40;
            fs::write(path_of(folder.path(), 0), &damaged).unwrap();
            match read(folder.path(), true) {
                Ok(frames) => assert!(at >= last_frame && frames.len() == 2, "flip at {at} went unnoticed"),
                Err(Error::Corrupt { .. }) => assert!(at < last_frame, "flip at {at} is a torn end"),
                Err(other) => panic!("flip at {at}: {other}"),
            }
        }
    }

    #[test]
    fn log_with_a_successor_has_no_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        log_of(folder.path(), &[b"one", b"two"]);
        let full = fs::read(path_of(folder.path(), 0)).unwrap();
        fs::write(path_of(folder.path(), 0), &full[..full.len() - 1]).unwrap();
        assert!(matches!(read(folder.path(), false), Err(Error::Corrupt { .. })));
    }

    #[derive(Default)]
    struct FailingDisk {
        full: AtomicBool,
        sync_fails: AtomicBool,
    }

    impl Disk for FailingDisk {
        fn write_all_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
            if self.full.load(Relaxed) {
                // As a real disk does: what fits is written, then the error comes.
                PlainDisk.write_all_at(file, &bytes[..bytes.len() / 2], offset)?;
                return Err(io::ErrorKind::StorageFull.into());
            }
            PlainDisk.write_all_at(file, bytes, offset)
        }

        fn sync_data(&self, file: &File) -> io::Result<()> {
            if self.sync_fails.load(Relaxed) {
                return Err(io::Error::other("medium error"));
            }
            PlainDisk.sync_data(file)
        }
    }

    fn log_on_failing_disk(folder: &Path) -> (Arc<FailingDisk>, Wal) {
        create(&PlainDisk, folder, 0).unwrap();
        let disk = Arc::new(FailingDisk::default());
        let seam: Arc<dyn Disk> = Arc::<FailingDisk>::clone(&disk);
        (disk, Wal::resume(seam, "t", folder, end_at(HEADER_BYTES as u64)))
    }

    #[test]
    fn full_disk_refuses_the_write_and_takes_the_next_once_there_is_space() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, mut wal) = log_on_failing_disk(folder.path());
        wal.commit(b"before").unwrap();
        disk.full.store(true, Relaxed);
        assert!(matches!(wal.commit(b"refused"), Err(Error::DiskFull)));
        disk.full.store(false, Relaxed);
        wal.commit(b"after").unwrap();
        assert_eq!(read(folder.path(), true).unwrap(), [b"before".to_vec(), b"after".to_vec()]);
    }

    #[test]
    fn failed_sync_stops_all_acknowledgements_until_reopened() {
        let folder = tempfile::tempdir().unwrap();
        let (disk, mut wal) = log_on_failing_disk(folder.path());
        wal.commit(b"before").unwrap();
        disk.sync_fails.store(true, Relaxed);
        assert!(matches!(wal.commit(b"unknown"), Err(Error::Poisoned { .. })));
        disk.sync_fails.store(false, Relaxed);
        assert!(matches!(wal.commit(b"refused"), Err(Error::Poisoned { .. })));
        assert_eq!(read(folder.path(), true).unwrap()[0], b"before");
    }
}
