//! A segment as it is held: a small one in memory, a large one mapped and read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memmap2::Mmap;

use super::layout::Layout;
use crate::files::Entry;
use crate::filter::FilterIndex;
use crate::records::expiry_of;

/// A segment that has passed its checks. Ids and metadata are read where they lie.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(super) entry: Entry,
    pub(super) layout: Layout,
    pub(super) bytes: Bytes,
    /// Over the metadata of its slots.
    pub(super) filters: FilterIndex,
}

/// The bytes of a segment file: what comes before the vectors, and the vectors.
#[derive(Debug)]
pub(super) enum Bytes {
    /// A small file costs neither a mapping, of which a process may have 65,530, nor whole pages.
    Heap { head: Box<[u8]>, vectors: Box<[f32]> },
    /// Short vectors, which scans read one after the other, are used where they lie in the page cache.
    Mapped(Mmap),
    /// Of long ones a search looks at few, here and there: to read them costs little, takes none of the process's memory,
    /// and a disk that fails is an error of that search. In a mapping it would be the end of the process.
    Read { head: Mmap, file: File },
}

/// Space for a row that is read, to be used again and again.
#[derive(Debug, Default)]
pub(crate) struct RowBuffer(Vec<f32>);

const _: () = assert!(cfg!(target_endian = "little"), "vectors are used as they lie in the file");

impl Segment {
    /// What the manifest says of the file.
    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// What answers filters.
    pub(crate) fn filters(&self) -> &FilterIndex {
        &self.filters
    }

    pub(crate) fn slots(&self) -> u32 {
        self.entry.slots
    }

    /// The vector of a slot, counted from the first of this segment: where it lies, or read into `buffer`.
    #[inline]
    pub(crate) fn row<'a>(&'a self, slot: u32, buffer: &'a mut RowBuffer) -> io::Result<&'a [f32]> {
        let (slot, dimension) = (slot as usize, self.layout.dimension);
        let numbers = slot * dimension..(slot + 1) * dimension;
        match &self.bytes {
            Bytes::Heap { vectors, .. } => Ok(&vectors[numbers]),
            // A mapping begins at a page, and the vectors in it at a multiple of 64 bytes.
            Bytes::Mapped(file) => {
                Ok(&bytemuck::cast_slice(&file[self.layout.vectors_at() as usize..])[numbers])
            }
            Bytes::Read { file, .. } => {
                let row = &mut buffer.0;
                row.resize(dimension, 0.0);
                let at = self.layout.vectors_at() + 4 * numbers.start as u64;
                file.read_exact_at(bytemuck::cast_slice_mut(row), at)?;
                Ok(row)
            }
        }
    }

    fn head(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Heap { head, .. } => head,
            Bytes::Mapped(file) => file,
            Bytes::Read { head, .. } => head,
        }
    }

    /// Empty if the slot was dead when the segment was written.
    pub(crate) fn id(&self, slot: u32) -> &str {
        // Checked to be UTF-8 when the segment was opened.
        std::str::from_utf8(self.text(slot, self.layout.id_ends_at(), self.layout.ids_at()))
            .unwrap_or_default()
    }

    /// See [`crate::metadata::Metadata::stored`].
    pub(crate) fn stored_metadata(&self, slot: u32) -> &str {
        let text = self.text(slot, self.layout.metadata_ends_at(), self.layout.metadata_at());
        // Written from a `str`, and under a checksum.
        std::str::from_utf8(text).unwrap_or_default()
    }

    /// The text of a slot among those at `texts_at`, whose ends are at `ends_at`.
    fn text(&self, slot: u32, ends_at: u64, texts_at: u64) -> &[u8] {
        let end_of = |slot: usize| self.number(ends_at as usize + 8 * slot) as usize;
        let begin = (slot as usize).checked_sub(1).map_or(0, end_of);
        &self.head()[texts_at as usize + begin..texts_at as usize + end_of(slot as usize)]
    }

    /// See [`crate::Item::expires_ms`].
    pub(crate) fn expires_ms(&self, slot: u32) -> Option<u64> {
        let at = self.layout.times_at() as usize + 8 * slot as usize;
        if self.layout.has_times { expiry_of(self.number(at)) } else { None }
    }

    fn number(&self, at: usize) -> u64 {
        self.head()[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Whether every id and metadata text can be read without leaving its place.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let Layout { slots, ids_bytes, metadata_bytes, .. } = self.layout;
        for (ends_at, bytes) in
            [(self.layout.id_ends_at(), ids_bytes), (self.layout.metadata_ends_at(), metadata_bytes)]
        {
            let ends = || (0..slots).map(|slot| self.number(ends_at as usize + 8 * slot));
            if !ends().is_sorted() || ends().next_back().unwrap_or_default() != bytes {
                return Err("its texts overlap");
            }
        }
        let (ends_at, ids_at) = (self.layout.id_ends_at(), self.layout.ids_at());
        let is_utf8 = |slot| std::str::from_utf8(self.text(slot, ends_at, ids_at)).is_ok();
        if (0..slots as u32).all(is_utf8) { Ok(()) } else { Err("an id is not UTF-8") }
    }
}
