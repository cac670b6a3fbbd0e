//! Names inodes for good. An inode *number* is given away again as soon as its file is deleted, which is just when the
//! disk must still tell the old file from the new one; so every inode gets a random id in an extended attribute, which
//! is born and dies with it.

use std::io;
use std::path::Path;

use rustix::fs::XattrFlags;
use rustix::io::Errno;
use uuid::Uuid;

const ATTRIBUTE: &str = "user.lossy-disk.id";

/// The id of an inode, for as long as the inode lives.
pub(crate) type Id = Uuid;

/// The id of the file or folder at `path`, given to it now if it has none yet. Callers hold the shadow's lock.
pub(crate) fn of(path: &Path) -> io::Result<Id> {
    if let Some(id) = lookup(path)? {
        return Ok(id);
    }
    let id = Id::new_v4();
    rustix::fs::setxattr(path, ATTRIBUTE, id.as_bytes(), XattrFlags::CREATE)?;
    Ok(id)
}

/// The id of the file or folder at `path`, if it has one.
pub(crate) fn lookup(path: &Path) -> io::Result<Option<Id>> {
    let mut id = [0; 16];
    match rustix::fs::getxattr(path, ATTRIBUTE, &mut id) {
        Ok(_) => Ok(Some(Id::from_bytes(id))),
        Err(Errno::NODATA) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
