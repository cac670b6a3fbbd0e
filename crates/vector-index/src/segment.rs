//! Segment files: all living items of an index at one version, and the graph over them.
//!
//! ```text
//! header   "LHVECSEG" | format u32 | dimension u32 | distance u32 | items u64 | version u64 | generation u64
//!          | items_bytes u64 | graph_bytes u64 | crc32 u32
//! items    per item: id, metadata (u32 length each)      | crc32 u32
//! vectors  [items, dimension] f32                         | crc32 u32
//! graph    none, or see graph/flat.rs                     | crc32 u32
//! ```
//! The file of generation g holds all that the logs before generation g say; the log of generation g comes after it.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::codec::{Fields, Put, f32s};
use crate::distance::Distance;
use crate::durable::create_atomically;
use crate::error::Error;
use crate::graph::Graph;
use crate::items::Items;
use crate::metadata::Metadata;
use crate::records::Record;
use crate::view::View;

const MAGIC: &[u8; 8] = b"LHVECSEG";
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 64;

/// What a segment file holds.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) distance: Distance,
    /// The version of the index that the items are at.
    pub(crate) version: u64,
    pub(crate) generation: u64,
    /// Without dead slots.
    pub(crate) items: Items,
    /// Over all items, where there are enough of them.
    pub(crate) graph: Option<Graph>,
}

/// Where the segment of a generation lies in the folder of its index.
pub(crate) fn path_of(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("segment-{generation:020}.seg"))
}

/// Writes a segment, durably.
pub(crate) fn write(folder: &Path, segment: &Segment) -> Result<(), Error> {
    let view = segment.items.view();
    let items = encode_items(view);
    let graph = segment.graph.as_ref().map(Graph::encode).unwrap_or_default();
    let mut header = MAGIC.to_vec();
    header.put_u32(FORMAT);
    header.put_u32(view.rows().dimension() as u32);
    header.put_u32(segment.distance.code());
    header.put_u64(view.live() as u64);
    header.put_u64(segment.version);
    header.put_u64(segment.generation);
    header.put_u64(items.len() as u64);
    header.put_u64(graph.len() as u64);
    header.put_u32(crc32fast::hash(&header));
    create_atomically(&path_of(folder, segment.generation), |out| {
        out.write_all(&header)?;
        write_section(out, [items.as_slice()])?;
        write_vectors(out, view)?;
        write_section(out, [graph.as_slice()])
    })
}

fn encode_items(view: &View) -> Vec<u8> {
    let mut out = Vec::new();
    for slot in 0..view.slots() {
        out.put_bytes(view.id(slot).as_bytes());
        out.put_bytes(view.stored_metadata(slot).as_bytes());
    }
    out
}

fn write_vectors(out: &mut impl Write, view: &View) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut crc = crc32fast::Hasher::new();
    for row in view.rows().iter() {
        bytes.clear();
        bytes.put_f32s(row);
        crc.update(&bytes);
        out.write_all(&bytes)?;
    }
    out.write_all(&crc.finalize().to_le_bytes())
}

fn write_section<const N: usize>(out: &mut impl Write, parts: [&[u8]; N]) -> io::Result<()> {
    let mut crc = crc32fast::Hasher::new();
    for part in parts {
        crc.update(part);
        out.write_all(part)?;
    }
    out.write_all(&crc.finalize().to_le_bytes())
}

/// Reads and checks a segment: every byte of it is under a checksum.
pub(crate) fn read(folder: &Path, generation: u64) -> Result<Segment, Error> {
    let path = path_of(folder, generation);
    let file = File::open(&path).map_err(|e| Error::io("open", &path, e))?;
    let file_bytes = file.metadata().map_err(|e| Error::io("stat", &path, e))?.len();
    let mut input = BufReader::with_capacity(1 << 20, file);
    read_segment(&mut input, file_bytes, generation).map_err(|failure| match failure {
        Failure::Io(cause) => Error::io("read", &path, cause),
        Failure::Damage(reason) => Error::corrupt(&path, reason),
    })
}

enum Failure {
    Io(io::Error),
    Damage(String),
}

impl From<io::Error> for Failure {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

impl From<&'static str> for Failure {
    fn from(reason: &'static str) -> Self {
        Self::Damage(reason.to_owned())
    }
}

struct Header {
    dimension: usize,
    distance: Distance,
    items: usize,
    version: u64,
    generation: u64,
    items_bytes: u64,
    graph_bytes: u64,
}

fn read_segment(input: &mut impl Read, file_bytes: u64, generation: u64) -> Result<Segment, Failure> {
    let header = read_header(input, file_bytes, generation)?;
    let records = read_section(input, header.items_bytes, "the items")?;
    let items = read_items(input, &header, &records)?;
    let graph_bytes = read_section(input, header.graph_bytes, "the graph")?;
    let graph =
        if graph_bytes.is_empty() { None } else { Some(Graph::decode(&graph_bytes, items.view().slots())?) };
    Ok(Segment {
        distance: header.distance,
        version: header.version,
        generation: header.generation,
        items,
        graph,
    })
}

fn read_header(input: &mut impl Read, file_bytes: u64, generation: u64) -> Result<Header, Failure> {
    if file_bytes < HEADER_BYTES as u64 {
        return Err("the header is incomplete".into());
    }
    let mut bytes = [0; HEADER_BYTES];
    input.read_exact(&mut bytes)?;
    let mut fields = Fields(&bytes);
    let magic = fields.take(MAGIC.len())?;
    let format = fields.u32()?;
    let (dimension, distance) = (fields.u32()? as usize, Distance::from_code(fields.u32()?));
    let header = Header {
        dimension,
        distance: distance.unwrap_or_default(),
        items: fields.u64()? as usize,
        version: fields.u64()?,
        generation: fields.u64()?,
        items_bytes: fields.u64()?,
        graph_bytes: fields.u64()?,
    };
    if magic != MAGIC || fields.u32()? != crc32fast::hash(&bytes[..HEADER_BYTES - 4]) {
        return Err("the header fails its checksum".into());
    }
    if format != FORMAT || distance.is_none() {
        return Err(Failure::Damage(format!("format {format} is not the format {FORMAT} of this build")));
    }
    if header.generation != generation {
        return Err("the file's name belongs to another generation".into());
    }
    // Checked before anything is allocated by these numbers.
    let vector_bytes = header.items as u128 * header.dimension as u128 * 4;
    let expected = HEADER_BYTES as u128
        + u128::from(header.items_bytes)
        + u128::from(header.graph_bytes)
        + vector_bytes
        + 3 * 4;
    if u128::from(file_bytes) != expected || dimension == 0 {
        return Err(Failure::Damage(format!("{file_bytes} bytes long instead of {expected}")));
    }
    Ok(header)
}

fn read_section(input: &mut impl Read, len: u64, what: &'static str) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; len as usize];
    input.read_exact(&mut bytes)?;
    check_crc(input, crc32fast::hash(&bytes), what)?;
    Ok(bytes)
}

fn check_crc(input: &mut impl Read, computed: u32, what: &'static str) -> Result<(), Failure> {
    let mut stored = [0; 4];
    input.read_exact(&mut stored)?;
    if u32::from_le_bytes(stored) == computed {
        Ok(())
    } else {
        Err(Failure::Damage(format!("{what} fail their checksum")))
    }
}

fn read_items(input: &mut impl Read, header: &Header, records: &[u8]) -> Result<Items, Failure> {
    let mut items = Items::new(header.dimension);
    let mut records = Fields(records);
    let mut crc = crc32fast::Hasher::new();
    let mut row = vec![0; header.dimension * 4];
    for _ in 0..header.items {
        input.read_exact(&mut row)?;
        crc.update(&row);
        let (id, metadata) = (records.text()?.into(), Metadata::from_stored(records.text()?));
        items.upsert(Arc::new(Record { id, metadata }), &f32s(&row));
    }
    records.end()?;
    check_crc(input, crc.finalize(), "the vectors")?;
    if items.view().dead() > 0 {
        return Err("two items have the same id".into());
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn sample() -> Segment {
        let mut items = Items::new(2);
        for i in 0..20 {
            let metadata = Metadata::from_map(serde_json::json!({ "n": i }).as_object().unwrap());
            let record = Record { id: format!("id-{i}").into(), metadata };
            items.upsert(Arc::new(record), &[i as f32, 0.5]);
        }
        Segment { distance: Distance::Dot, version: 7, generation: 3, items, graph: None }
    }

    #[test]
    fn segment_round_trips() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &sample()).unwrap();
        let back = read(folder.path(), 3).unwrap();
        let view = back.items.view();
        assert_eq!((back.distance, back.version, view.live()), (Distance::Dot, 7, 20));
        let slot = back.items.slot_of("id-9").unwrap();
        assert_eq!(view.rows().row(slot), [9.0, 0.5]);
        assert_eq!(view.metadata(slot).as_str(), r#"{"n":9}"#);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn any_flipped_byte_and_any_truncation_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &sample()).unwrap();
        let path = path_of(folder.path(), 3);
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            assert!(matches!(read(folder.path(), 3), Err(Error::Corrupt { .. })), "flip at {at}");
            fs::write(&path, &good[..at]).unwrap();
            assert!(matches!(read(folder.path(), 3), Err(Error::Corrupt { .. })), "cut at {at}");
        }
    }
}
