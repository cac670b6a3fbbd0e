//! The durable half of the disk: contents of files and entries of folders as of their last sync, by inode.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::Unsynced;
use crate::identity::{self, Id};
use crate::torn::Dice;

/// Readings of a folder that is being changed, after which to give up. Two or three are what it takes in practice.
const MAX_READINGS: usize = 10_000;

/// One folder's entries.
type Entries = BTreeMap<OsString, (Kind, Id)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

/// A folder that holds the durable state of another: `files/<id>` has the synced bytes of an inode, `folders/<id>` its
/// synced entries. An inode without one was never synced: an empty file, an empty folder.
#[derive(Debug, Clone)]
pub struct Shadow {
    folder: PathBuf,
}

impl Shadow {
    /// A shadow in which nothing is durable yet.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder.join("files"))?;
        fs::create_dir_all(folder.join("folders"))?;
        File::create(folder.join("lock"))?;
        Ok(Self::open(folder))
    }

    /// The shadow that another process created.
    pub fn open(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the bytes of the file, or the entries of the folder, at `path` durable as they are now.
    ///
    /// # Errors
    /// Those of the file system, and an entry that is neither file nor folder.
    pub fn sync(&self, path: &Path) -> io::Result<()> {
        // Syncs of one file by several threads must not overtake each other: the later copy has more.
        let lock = File::open(self.folder.join("lock"))?;
        lock.lock()?;
        let id = identity::of(path)?;
        if path.metadata()?.is_dir() {
            self.replace(&self.entries_of(id), |new| fs::write(new, encode(&read_folder(path)?)))
        } else {
            self.replace(&self.bytes_of(id), |new| fs::copy(path, new).map(drop))
        }
    }

    /// Makes everything below `root` durable as it is now.
    pub(crate) fn sync_tree(&self, root: &Path) -> io::Result<()> {
        self.sync(root)?;
        if root.is_dir() {
            for entry in fs::read_dir(root)? {
                self.sync_tree(&entry?.path())?;
            }
        }
        Ok(())
    }

    /// Writes what would be found of `root` after a power cut to `target`, which must not exist.
    pub(crate) fn restore(&self, root: &Path, unsynced: Unsynced, target: &Path) -> io::Result<()> {
        let mut restore = Restore { shadow: self, written: HashMap::new(), torn: None };
        if let Unsynced::Torn(seed) = unsynced {
            let mut live = HashMap::new();
            find_files(root, &mut live)?;
            restore.torn = Some((Dice::new(seed), live));
        }
        restore.folder(identity::of(root)?, target)
    }

    /// Replaces a file of the shadow at once: the program may be killed half way, and what was durable stays so.
    fn replace(&self, path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let new = self.folder.join("new");
        write(&new)?;
        fs::rename(new, path)
    }

    fn bytes_of(&self, id: Id) -> PathBuf {
        self.folder.join("files").join(id.simple().to_string())
    }

    fn entries_of(&self, id: Id) -> PathBuf {
        self.folder.join("folders").join(id.simple().to_string())
    }
}

/// One restoration under way.
struct Restore<'a> {
    shadow: &'a Shadow,
    /// Where each file was written, to link its other names to.
    written: HashMap<Id, PathBuf>,
    /// Chance, and where the live files are, if unsynced blocks may survive.
    torn: Option<(Dice, HashMap<Id, PathBuf>)>,
}

impl Restore<'_> {
    fn folder(&mut self, id: Id, target: &Path) -> io::Result<()> {
        fs::create_dir(target)?;
        for (name, (kind, id)) in decode(&read_or_empty(&self.shadow.entries_of(id))?) {
            match kind {
                Kind::File => self.file(id, &target.join(name))?,
                Kind::Folder => self.folder(id, &target.join(name))?,
            }
        }
        Ok(())
    }

    fn file(&mut self, id: Id, target: &Path) -> io::Result<()> {
        if let Some(first) = self.written.get(&id) {
            return fs::hard_link(first, target);
        }
        self.written.insert(id, target.to_owned());
        let durable = read_or_empty(&self.shadow.bytes_of(id))?;
        match &mut self.torn {
            Some((dice, live)) if live.contains_key(&id) => {
                fs::write(target, dice.tear(&durable, &fs::read(&live[&id])?))
            }
            _ => fs::write(target, durable),
        }
    }
}

/// Reads the entries of a folder that other threads may be changing. One reading can miss an entry that is renamed
/// meanwhile under both its names, so it counts only if the next one agrees.
fn read_folder(path: &Path) -> io::Result<Entries> {
    let mut last = None;
    for _ in 0..MAX_READINGS {
        let reading = read_folder_once(path)?;
        if reading.is_some() && reading == last {
            return Ok(reading.unwrap_or_default());
        }
        last = reading;
    }
    Err(io::Error::other(format!("{} never stops changing", path.display())))
}

/// `None` if an entry vanished between being listed and being looked at.
fn read_folder_once(path: &Path) -> io::Result<Option<Entries>> {
    let mut entries = Entries::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = match entry.file_type()? {
            kind if kind.is_dir() => Kind::Folder,
            kind if kind.is_file() => Kind::File,
            _ => return Err(io::Error::other(format!("{} is no file or folder", entry.path().display()))),
        };
        match identity::of(&entry.path()) {
            Ok(id) => entries.insert(entry.file_name(), (kind, id)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
    }
    Ok(Some(entries))
}

/// Entries as bytes: kind, id, name, NUL. A name may hold any byte but NUL and `/`.
fn encode(entries: &Entries) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, (kind, id)) in entries {
        bytes.push(if *kind == Kind::File { b'f' } else { b'd' });
        bytes.extend_from_slice(id.simple().to_string().as_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// The reverse of [`encode`].
fn decode(bytes: &[u8]) -> Entries {
    const ID_END: usize = 33;
    bytes
        .split(|byte| *byte == 0)
        .filter_map(|record| {
            let id = Id::try_parse_ascii(record.get(1..ID_END)?).ok()?;
            let kind = if record[0] == b'f' { Kind::File } else { Kind::Folder };
            Some((OsString::from_vec(record[ID_END..].to_vec()), (kind, id)))
        })
        .collect()
}

fn read_or_empty(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        result => result,
    }
}

/// Finds the path of every file below `folder` by its id.
fn find_files(folder: &Path, found: &mut HashMap<Id, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_files(&path, found)?;
        } else if let Some(id) = identity::lookup(&path)? {
            found.insert(id, path);
        }
    }
    Ok(())
}
