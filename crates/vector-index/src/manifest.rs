//! Manifests: which files make up an index.
//!
//! ```text
//! "LHVECMAN" | byte order u32 | format u32 | dimension u32 | distance u32 | version u64 | generation u64
//! | segments u32 | per segment: number u64, slots u32, bytes u64, crc32 u32 | the same of graphs, at most one
//! | dead slots: words u32, u64 each, a bit a slot | crc32 u32 of all before
//! ```
//! The manifest of generation g stands for all that the logs before generation g say; the log of generation g comes
//! after it. The one of the highest generation counts. A file that it does not name is no part of the index.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::MAX_DIMENSION;
use crate::bitset::Bitset;
use crate::codec::{Fields, Put};
use crate::distance::Distance;
use crate::durable::{Disk, Sum, create_atomically};
use crate::error::Error;
use crate::files::{Entry, FileName, Role};

const MAGIC: &[u8; 8] = b"LHVECMAN";
/// Reads differently where the most significant byte comes first.
const BYTE_ORDER: u32 = 0x0102_0304;
/// Of the manifest and of the files that it names. Format 1 had no manifest.
const FORMAT: u32 = 2;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) dimension: usize,
    pub(crate) distance: Distance,
    /// The version of the index that the files are at.
    pub(crate) version: u64,
    pub(crate) generation: u64,
    /// In the order of their slots.
    pub(crate) segments: Vec<Entry>,
    /// Over the first slots.
    pub(crate) graph: Option<Entry>,
    /// Slots of the segments whose items have been deleted or replaced.
    pub(crate) dead: Bitset,
}

impl Manifest {
    /// That of a new index.
    pub(crate) fn empty(dimension: usize, distance: Distance) -> Self {
        let (segments, graph, dead) = (Vec::new(), None, Bitset::default());
        Self { dimension, distance, version: 0, generation: 0, segments, graph, dead }
    }

    /// How many slots the segments have.
    pub(crate) fn slots(&self) -> u64 {
        self.segments.iter().map(|segment| u64::from(segment.slots)).sum()
    }

    /// Whether a file of this name is part of the index.
    pub(crate) fn needs(&self, name: FileName) -> bool {
        let is_named = |entry: &Entry| entry.number == name.number;
        match name.role {
            Role::Manifest => name.number == self.generation,
            Role::Segment => self.segments.iter().any(is_named),
            Role::Graph => self.graph.iter().any(is_named),
            Role::Log => name.number >= self.generation,
        }
    }

    /// Writes it, durably.
    pub(crate) fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), Error> {
        let path = FileName::new(Role::Manifest, self.generation).path(folder);
        create_atomically(disk, &path, |out| out.write_all(&self.encode()))?;
        Ok(())
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.put_u32(BYTE_ORDER);
        out.put_u32(FORMAT);
        out.put_u32(self.dimension as u32);
        out.put_u32(self.distance.code());
        out.put_u64(self.version);
        out.put_u64(self.generation);
        for entries in [self.segments.as_slice(), self.graph.as_slice()] {
            out.put_u32(entries.len() as u32);
            entries.iter().for_each(|entry| entry.encode(&mut out));
        }
        out.put_u32(self.dead.words().len() as u32);
        self.dead.words().iter().for_each(|word| out.put_u64(*word));
        out.put_u32(crc32fast::hash(&out));
        out
    }

    /// Reads and checks the manifest of a generation, and sums its file up.
    pub(crate) fn read(folder: &Path, generation: u64) -> Result<(Self, Sum), Error> {
        let path = FileName::new(Role::Manifest, generation).path(folder);
        let bytes = fs::read(&path).map_err(|e| Error::io("read", &path, e))?;
        let manifest = Self::decode(&bytes).map_err(|reason| Error::corrupt(&path, reason))?;
        if manifest.generation != generation {
            return Err(Error::corrupt(&path, "its name belongs to another generation"));
        }
        Ok((manifest, Sum { bytes: bytes.len() as u64, crc: crc32fast::hash(&bytes) }))
    }

    /// Inverse of [`Manifest::encode`]; says exactly why not.
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (sealed, crc) = bytes.split_last_chunk().ok_or("ends inside a field")?;
        let mut fields = Fields(sealed);
        if fields.take(MAGIC.len())? != MAGIC {
            return Err("it does not begin as a manifest does".to_owned());
        }
        if fields.u32()? == BYTE_ORDER.swap_bytes() {
            return Err("it was written by a machine of the other byte order".to_owned());
        }
        if crc32fast::hash(sealed) != u32::from_le_bytes(*crc) {
            return Err("it fails its checksum".to_owned());
        }
        match fields.u32()? {
            FORMAT => {}
            newer if newer > FORMAT => {
                return Err(format!("format {newer} is newer than the format {FORMAT} of this build"));
            }
            other => return Err(format!("format {other} is not the format {FORMAT} of this build")),
        }
        let dimension = fields.u32()? as usize;
        let distance = Distance::from_code(fields.u32()?).ok_or("its distance is not known to this build")?;
        let (version, generation) = (fields.u64()?, fields.u64()?);
        let segments = entries(&mut fields)?;
        let graphs = entries(&mut fields)?;
        let words = fields.u32()?;
        let words = (0..words).map(|_| fields.u64()).collect::<Result<_, _>>()?;
        fields.end()?;
        let graph = graphs.first().copied();
        let manifest = Self {
            dimension,
            distance,
            version,
            generation,
            segments,
            graph,
            dead: Bitset::from_words(words),
        };
        manifest.check(graphs.len())?;
        Ok(manifest)
    }

    fn check(&self, graphs: usize) -> Result<(), String> {
        let slots = self.slots();
        let is_consistent = (1..=MAX_DIMENSION).contains(&self.dimension)
            && slots <= u64::from(u32::MAX)
            && graphs <= 1
            && self.graph.is_none_or(|graph| u64::from(graph.slots) <= slots)
            && self.dead.iter().last().is_none_or(|slot| u64::from(slot) < slots);
        if is_consistent { Ok(()) } else { Err("it contradicts itself".to_owned()) }
    }
}

fn entries(fields: &mut Fields<'_>) -> Result<Vec<Entry>, String> {
    let count = fields.u32()?;
    Ok((0..count).map(|_| Entry::decode(fields)).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::PlainDisk;

    fn sample() -> Manifest {
        let entry = |number, slots| Entry { number, slots, sum: Sum { bytes: number + 9, crc: 77 } };
        Manifest {
            dimension: 384,
            distance: Distance::Euclidean,
            version: 12,
            generation: 5,
            segments: vec![entry(2, 100), entry(5, 40)],
            graph: Some(entry(2, 100)),
            dead: [3, 99, 139].into_iter().collect(),
        }
    }

    /// `bytes` with a field changed and the checksum made right again.
    fn resealed(mut bytes: Vec<u8>, at: usize, value: u32) -> Vec<u8> {
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes.truncate(bytes.len() - 4);
        bytes.put_u32(crc32fast::hash(&bytes));
        bytes
    }

    #[test]
    fn manifest_round_trips_and_needs_the_files_it_names_and_later_logs() {
        let folder = tempfile::tempdir().unwrap();
        sample().write(&PlainDisk, folder.path()).unwrap();
        let (back, _) = Manifest::read(folder.path(), 5).unwrap();
        assert_eq!(back, sample());
        let needed = |role, number| back.needs(FileName::new(role, number));
        assert!(needed(Role::Manifest, 5) && !needed(Role::Manifest, 4));
        assert!(needed(Role::Segment, 2) && needed(Role::Segment, 5) && !needed(Role::Segment, 3));
        assert!(needed(Role::Graph, 2) && !needed(Role::Graph, 5));
        assert!(needed(Role::Log, 5) && needed(Role::Log, 6) && !needed(Role::Log, 4));
    }

    #[test]
    fn any_flipped_byte_and_any_truncation_is_noticed() {
        let good = sample().encode();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(Manifest::decode(&bad).is_err(), "flip at {at}");
            assert!(Manifest::decode(&good[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn manifest_that_this_build_cannot_use_says_exactly_why() {
        let good = sample().encode();
        for (at, value, expected) in [
            (8, BYTE_ORDER.swap_bytes(), "other byte order"),
            (12, FORMAT + 1, "format 3 is newer than the format 2 of this build"),
            (12, 1, "format 1 is not the format 2"),
            (20, 9, "its distance is not known"),
            (16, 0, "contradicts itself"),
            (104, 300, "contradicts itself"),
        ] {
            let reason = Manifest::decode(&resealed(good.clone(), at, value)).unwrap_err();
            assert!(reason.contains(expected), "{at}: {reason}");
        }
        assert!(Manifest::decode(b"something else entirely").unwrap_err().contains("does not begin as"));
    }
}
