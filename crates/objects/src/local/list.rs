//! Listing a folder tree in the byte order of keys.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::path::{Path as FsPath, PathBuf};
use std::vec;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta, Result};

use super::durable::e_tag;
use crate::Key;
use crate::error::{IoContext, IoError};

/// Entries read in one hop to the blocking pool.
const BATCH: usize = 1024;

/// A depth-first walk that yields objects in key order. Memory holds the names of the folders that are being
/// walked, from the root to the current one.
pub(super) struct Walk {
    folders: Vec<vec::IntoIter<Entry>>,
    after: Option<String>,
}

/// A name in a folder.
struct Entry {
    /// The key of an object, or that of a folder with a slash at its end: as such they sort in key order.
    key: String,
    file: PathBuf,
}

impl Entry {
    fn is_folder(&self) -> bool {
        self.key.ends_with('/')
    }
}

impl Walk {
    /// Objects in `folder`, which is that of the keys below `prefix`; those after the key `after`.
    pub(super) fn new(folder: &FsPath, prefix: &Path, after: Option<&Path>) -> Result<Self, IoError> {
        let entries = read_folder(folder, &key_prefix(prefix))?;
        Ok(Self { folders: vec![entries.into_iter()], after: after.map(ToString::to_string) })
    }

    /// As a stream that does its reading on the blocking pool.
    pub(super) fn into_stream(self) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::try_unfold(self, |mut walk| async move {
            let (batch, walk) = tokio::task::spawn_blocking(move || (walk.next_batch(), walk)).await?;
            let batch = batch?;
            Ok::<_, object_store::Error>(
                (!batch.is_empty()).then(|| (stream::iter(batch.into_iter().map(Ok)), walk)),
            )
        })
        .try_flatten()
        .boxed()
    }

    fn next_batch(&mut self) -> Result<Vec<ObjectMeta>, IoError> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some(folder) = self.folders.last_mut() else { break };
            let Some(entry) = folder.next() else {
                self.folders.pop();
                continue;
            };
            if self.is_before(&entry) {
                continue;
            }
            if entry.is_folder() {
                self.folders.push(read_folder(&entry.file, &entry.key)?.into_iter());
            } else if let Some(meta) = object(&entry)? {
                batch.push(meta);
            }
        }
        Ok(batch)
    }

    /// Whether the object, or everything in the folder, comes before or at the key to continue after.
    fn is_before(&self, entry: &Entry) -> bool {
        let Some(after) = &self.after else { return false };
        entry.key <= *after && !(entry.is_folder() && after.starts_with(&entry.key))
    }
}

/// The objects and folders directly in `folder`, which is that of the keys below `prefix`.
pub(super) fn list_one_level(folder: &FsPath, prefix: &Path) -> Result<ListResult, IoError> {
    let mut result = ListResult { common_prefixes: Vec::new(), objects: Vec::new() };
    for entry in read_folder(folder, &key_prefix(prefix))? {
        if entry.is_folder() {
            result.common_prefixes.extend(Path::parse(&entry.key));
        } else {
            result.objects.extend(object(&entry)?);
        }
    }
    Ok(result)
}

/// What the store knows of a file; also the answer to a get.
pub(super) fn object_meta(location: Path, metadata: &Metadata) -> std::io::Result<ObjectMeta> {
    Ok(ObjectMeta {
        location,
        last_modified: metadata.modified()?.into(),
        size: metadata.len(),
        e_tag: Some(e_tag(metadata)),
        version: None,
    })
}

fn key_prefix(prefix: &Path) -> String {
    if prefix.is_root() { String::new() } else { format!("{prefix}/") }
}

/// The objects and folders in a folder, in key order. A folder that is not there has none. What cannot be a key, and
/// symbolic links, are left out: nothing is listed that cannot be read.
fn read_folder(folder: &FsPath, key_prefix: &str) -> Result<Vec<Entry>, IoError> {
    let names = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        names => names.context("listing", folder)?,
    };
    let mut entries = Vec::new();
    for name in names {
        let name = name.context("listing", folder)?;
        let Ok(text) = name.file_name().into_string() else { continue };
        let mut key = format!("{key_prefix}{text}");
        if key.parse::<Key>().is_err() {
            continue;
        }
        let kind = name.file_type().context("listing", &name.path())?;
        if kind.is_dir() {
            key.push('/');
        } else if !kind.is_file() {
            continue;
        }
        entries.push(Entry { key, file: name.path() });
    }
    entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(entries)
}

/// `None` if the object has been deleted since its folder was read.
fn object(entry: &Entry) -> Result<Option<ObjectMeta>, IoError> {
    let location = Path::parse(&entry.key).unwrap_or_else(|_| Path::from(entry.key.as_str()));
    match fs::symlink_metadata(&entry.file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        metadata => {
            metadata.and_then(|m| object_meta(location, &m)).map(Some).context("reading", &entry.file)
        }
    }
}
