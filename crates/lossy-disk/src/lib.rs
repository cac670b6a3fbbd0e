//! A simulated disk that loses every write that was not synced.
//!
//! SIGKILL proves that a daemon replays its log, not that it syncs it: the page cache outlives the process. This disk
//! proves the sync. Programs run on an ordinary folder, and only their calls of `fsync` and `fdatasync` are watched
//! (the library `lossy_disk_preload` interposes them). At each one the state of that file or folder *as POSIX promises it*
//! is copied into a shadow:
//!
//! - a synced file keeps its bytes and its length of that moment, whatever is written, truncated or deleted later;
//! - a synced folder keeps its entries of that moment: creating, renaming, linking and deleting an entry lasts only
//!   once the folder that holds it is synced. (ext4 and xfs make the entry of a new file last when the *file* is
//!   synced. POSIX does not promise that, so neither does this disk.)
//!
//! After [`Disk::crash`] only what was durable is there, to start the program on again.
//!
//! Because writes are read off the live folder at each sync, no kind of write can be missed. What is not watched is
//! other ways of *syncing*: `O_SYNC`, `msync`, `syncfs`, `sync_file_range`, system calls that bypass libc. Data made
//! durable only by those counts as lost: a blind spot of this disk turns a test red, never green.

mod identity;
mod shadow;
mod torn;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub use shadow::Shadow;

/// Environment variable that names the folder to watch.
pub const ROOT: &str = "LOSSY_DISK_ROOT";
/// Environment variable that names the folder of what is durable.
pub const SHADOW: &str = "LOSSY_DISK_SHADOW";

/// What the power cut does to writes that were not synced. A correct program survives both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    /// None of them reached the disk.
    Lost,
    /// Each 4 KiB block of an unsynced file reached the disk or did not, by chance from the seed; so did the file's
    /// length. Entries of folders are as in [`Unsynced::Lost`].
    Torn(u64),
}

/// A folder for a program to run on, and the shadow that knows what of it would survive a power cut.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    shadow: Shadow,
}

impl Disk {
    /// An empty disk inside `folder`, which must exist on a file system with user extended attributes (ext4, xfs,
    /// btrfs, tmpfs since Linux 6.6).
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(folder: &Path) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        let root = folder.join("live");
        std::fs::create_dir(&root)?;
        let shadow = Shadow::create(&folder.join("shadow"))?;
        shadow.sync_tree(&root)?;
        Ok(Self { root, shadow })
    }

    /// The folder to run the program on.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What a program needs in its environment to run on this disk; `preload` is the path of the interposing library.
    pub fn environment(&self, preload: &Path) -> [(&'static str, OsString); 3] {
        [
            ("LD_PRELOAD", preload.into()),
            (ROOT, self.root.clone().into()),
            (SHADOW, self.shadow.folder().into()),
        ]
    }

    /// Writes to `target`, which must not exist, what would be found of the disk if the power failed now.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn image(&self, unsynced: Unsynced, target: &Path) -> io::Result<()> {
        self.shadow.restore(&self.root, unsynced, target)
    }

    /// Cuts the power: afterwards the disk holds its own [`Disk::image`], under the same paths, and nothing else. The
    /// programs that ran on it must have been killed before.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn crash(&mut self, unsynced: Unsynced) -> io::Result<()> {
        let found = self.root.with_file_name("found");
        self.image(unsynced, &found)?;
        std::fs::remove_dir_all(&self.root)?;
        std::fs::remove_dir_all(self.shadow.folder())?;
        std::fs::rename(&found, &self.root)?;
        self.shadow = Shadow::create(self.shadow.folder())?;
        self.shadow.sync_tree(&self.root)
    }
}
