//! Opening a segment: every byte is read once and summed up, by ordinary reads, so that what the check has touched does
//! not count as memory of this process.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use memmap2::MmapOptions;

use super::held::{Bytes, Segment};
use super::layout::{HEADER_BYTES, Layout};
use crate::codes::SCAN_FROM_DIMENSION;
use crate::durable::Sum;
use crate::error::Error;
use crate::files::{Entry, FileName, Role};
use crate::filter::FilterIndex;
use crate::metadata;

/// Files from this size on are not held in memory.
const MAP_FROM_BYTES: u64 = 1 << 20;
/// How much is read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Opens and checks the segment that `entry` names, and gives each vector, in the order of their slots, to `take`.
pub(crate) fn open(
    folder: &Path,
    entry: &Entry,
    dimension: usize,
    take: impl FnMut(&[f32]),
) -> Result<Segment, Error> {
    let path = &FileName::new(Role::Segment, entry.number).path(folder);
    let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    let bytes = file.metadata().map_err(|e| Error::io("stat", path, e))?.len();
    // Checked before anything is allocated by these numbers, and the checksum once it is known.
    entry.check(path, Sum { bytes, ..entry.sum })?;
    if bytes < HEADER_BYTES as u64 {
        return Err(Error::corrupt(path, "the header is incomplete"));
    }
    let mut input = Summed::new(&file, bytes);
    let header = input.header().map_err(|e| Error::io("read", path, e))?;
    let layout = Layout::of_header(&header, entry, dimension).map_err(|why| Error::corrupt(path, why))?;
    let held = if bytes < MAP_FROM_BYTES {
        input.keep(&header, &layout, take).map(Some)
    } else {
        input.skim(&layout, take).map(|()| None)
    };
    let held = held.map_err(|e| Error::io("read", path, e))?;
    entry.check(path, Sum { bytes: entry.sum.bytes, crc: input.crc.finalize() })?;
    let bytes = match held {
        Some(bytes) => bytes,
        None => leave(file, &layout).map_err(|e| Error::io("map", path, e))?,
    };
    let mut segment = Segment { entry: *entry, layout, bytes, filters: FilterIndex::default() };
    let mut filters = FilterIndex::default();
    segment.check().map_err(|why| Error::corrupt(path, why))?;
    let metadata = |slot| metadata::parse(segment.stored_metadata(slot));
    (0..entry.slots).for_each(|slot| filters.push(&metadata(slot)));
    filters.finish();
    segment.filters = filters;
    Ok(segment)
}

/// A file that is summed up while it is read.
struct Summed<'a> {
    file: BufReader<&'a File>,
    crc: crc32fast::Hasher,
}

impl<'a> Summed<'a> {
    fn new(file: &'a File, bytes: u64) -> Self {
        let file = BufReader::with_capacity(CHUNK_BYTES.min(bytes as usize), file);
        Self { file, crc: crc32fast::Hasher::new() }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact(bytes)?;
        self.crc.update(bytes);
        Ok(())
    }

    fn header(&mut self) -> io::Result<[u8; HEADER_BYTES]> {
        let mut header = [0; HEADER_BYTES];
        self.fill(&mut header)?;
        Ok(header)
    }

    /// Reads all behind the header into memory.
    fn keep(&mut self, header: &[u8], layout: &Layout, mut take: impl FnMut(&[f32])) -> io::Result<Bytes> {
        let mut head = vec![0; layout.vectors_at() as usize];
        let (front, texts) = head.split_at_mut(HEADER_BYTES);
        front.copy_from_slice(header);
        self.fill(texts)?;
        let mut vectors = Vec::with_capacity(layout.slots * layout.dimension);
        self.rows(layout, |row| {
            take(row);
            vectors.extend_from_slice(row);
        })?;
        Ok(Bytes::Heap { head: head.into(), vectors: vectors.into() })
    }

    /// Reads all behind the header and keeps nothing.
    fn skim(&mut self, layout: &Layout, take: impl FnMut(&[f32])) -> io::Result<()> {
        let mut left = layout.vectors_at() - HEADER_BYTES as u64;
        let mut chunk = vec![0; CHUNK_BYTES];
        while left > 0 {
            let taken = left.min(CHUNK_BYTES as u64);
            self.fill(&mut chunk[..taken as usize])?;
            left -= taken;
        }
        self.rows(layout, take)
    }

    /// Reads the vectors, in the order of their slots.
    fn rows(&mut self, layout: &Layout, mut take: impl FnMut(&[f32])) -> io::Result<()> {
        let mut bytes = vec![0; layout.dimension * 4];
        let mut row = vec![0.0; layout.dimension];
        for _ in 0..layout.slots {
            self.fill(&mut bytes)?;
            for (number, bytes) in row.iter_mut().zip(bytes.as_chunks().0) {
                *number = f32::from_le_bytes(*bytes);
            }
            take(&row);
        }
        Ok(())
    }
}

/// Leaves the bytes of `file` where they are.
fn leave(file: File, layout: &Layout) -> io::Result<Bytes> {
    let is_read = layout.dimension >= SCAN_FROM_DIMENSION;
    let mapped_bytes = if is_read { layout.vectors_at() } else { layout.file_bytes() };
    // SAFETY: the file is private to this process, as the folder of the store is; nothing here writes to a segment
    // once it has its name, and removing it leaves the mapping whole.
    #[expect(unsafe_code, reason = "texts, and short vectors, are used where they lie in the page cache")]
    let mapped = unsafe { MmapOptions::new().len(mapped_bytes as usize).map(&file)? };
    Ok(if is_read { Bytes::Read { head: mapped, file } } else { Bytes::Mapped(mapped) })
}
