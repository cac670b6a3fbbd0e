//! The files in the folder of an index: their names, and what a manifest says of them.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::codec::{Fields, Malformed, Put};
use crate::durable::{Disk, Sum, TEMPORARY};
use crate::error::Error;
use crate::manifest::Manifest;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Says which files make up the index when the log of its number begins.
    Manifest,
    /// Items.
    Segment,
    /// The links between items.
    Graph,
    /// Changes.
    Log,
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Manifest, Self::Segment, Self::Graph, Self::Log];

    const fn affixes(self) -> (&'static str, &'static str) {
        match self {
            Self::Manifest => ("manifest-", ".man"),
            Self::Segment => ("segment-", ".seg"),
            Self::Graph => ("graph-", ".hnsw"),
            Self::Log => ("wal-", ".log"),
        }
    }
}

/// The name of a file. Manifests and logs are numbered by the generation of the log that begins with them, segments and
/// graphs by the generation whose seal wrote them, so that no name is used twice in the life of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileName {
    pub(crate) role: Role,
    pub(crate) number: u64,
}

impl FileName {
    pub(crate) const fn new(role: Role, number: u64) -> Self {
        Self { role, number }
    }

    /// Exactly what [`FileName`]'s `Display` writes; other names are not ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Role::ALL.into_iter().find_map(|role| {
            let (prefix, suffix) = role.affixes();
            let number = name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()?;
            let parsed = Self { role, number };
            (parsed.to_string() == name).then_some(parsed)
        })
    }

    pub(crate) fn path(self, folder: &Path) -> PathBuf {
        folder.join(self.to_string())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, suffix) = self.role.affixes();
        write!(f, "{prefix}{:020}{suffix}", self.number)
    }
}

/// A segment or graph file that a manifest names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    /// That a segment holds, or a graph covers.
    pub(crate) slots: u32,
    pub(crate) sum: Sum,
}

impl Entry {
    /// `number u64 | slots u32 | bytes u64 | crc32 u32`
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_u64(self.number);
        out.put_u32(self.slots);
        out.put_u64(self.sum.bytes);
        out.put_u32(self.sum.crc);
    }

    pub(crate) fn decode(fields: &mut Fields<'_>) -> Result<Self, Malformed> {
        let (number, slots) = (fields.u64()?, fields.u32()?);
        Ok(Self { number, slots, sum: Sum { bytes: fields.u64()?, crc: fields.u32()? } })
    }

    /// Whether `found` are the bytes that were written.
    pub(crate) fn check(&self, path: &Path, found: Sum) -> Result<(), Error> {
        if found.bytes != self.sum.bytes {
            let reason = format!("{} bytes long instead of {}", found.bytes, self.sum.bytes);
            return Err(Error::corrupt(path, reason));
        }
        if found.crc != self.sum.crc {
            return Err(Error::corrupt(path, "it fails the checksum that the manifest has of it"));
        }
        Ok(())
    }
}

/// What lies in the folder of an index, with its name if that is one of ours.
pub(crate) fn list(folder: &Path) -> Result<Vec<(PathBuf, Option<FileName>)>, Error> {
    let entries = fs::read_dir(folder).map_err(|e| Error::io("list", folder, e))?;
    entries
        .map(|entry| {
            let path = entry.map_err(|e| Error::io("list", folder, e))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(FileName::parse);
            Ok((path, name))
        })
        .collect()
}

/// Removes those of the `listed` files that `newest`, which is durable, has made superfluous, and unfinished ones.
pub(crate) fn remove_superseded(
    disk: &dyn Disk,
    listed: &[(PathBuf, Option<FileName>)],
    newest: &Manifest,
) -> Result<(), Error> {
    for (path, name) in listed {
        let is_superfluous = match name {
            Some(name) => !newest.needs(*name),
            None => path.extension().is_some_and(|extension| extension == TEMPORARY),
        };
        if is_superfluous {
            disk.remove(path).map_err(|e| Error::io("remove", path, e))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_as_they_are_written_are_ours() {
        for role in Role::ALL {
            let name = FileName::new(role, 42);
            assert_eq!(FileName::parse(&name.to_string()), Some(name));
        }
        for foreign in [
            "segment-42.seg",
            "segment-+0000000000000000042.seg",
            "segment-00000000000000000042.seg.tmp",
            "wal-00000000000000000042.seg",
            "wal-99999999999999999999.log",
            "../wal-00000000000000000042.log",
            "",
        ] {
            assert_eq!(FileName::parse(foreign), None, "{foreign}");
        }
    }
}
