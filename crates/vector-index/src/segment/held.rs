//! A segment as it is held: a small one in memory, a large one mapped.

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

/// The bytes of a segment file.
#[derive(Debug)]
pub(super) enum Bytes {
    /// All of it. A large file costs address space, and memory only while there is nothing better to use it for.
    Mapped(Mmap),
    /// What comes before the vectors, and the vectors. A small file costs neither a mapping, of which a process may
    /// have 65,530, nor whole pages.
    Heap { head: Box<[u8]>, vectors: Box<[f32]> },
}

const _: () = assert!(cfg!(target_endian = "little"), "mapped vectors are read as they lie in the file");

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

    /// Whether its bytes are the operating system's to keep in memory or not.
    #[cfg(test)]
    pub(crate) fn is_mapped(&self) -> bool {
        matches!(self.bytes, Bytes::Mapped(_))
    }

    /// The vector of a slot, counted from the first of this segment.
    #[inline]
    pub(crate) fn row(&self, slot: u32) -> &[f32] {
        let (slot, dimension) = (slot as usize, self.layout.dimension);
        &self.vectors()[slot * dimension..(slot + 1) * dimension]
    }

    #[inline]
    fn vectors(&self) -> &[f32] {
        match &self.bytes {
            Bytes::Mapped(file) => {
                let vectors = &file[self.layout.vectors_at() as usize..];
                // SAFETY: every bit pattern is an f32. Of a mapping, which begins at a page, at a multiple of 64
                // bytes, nothing is cut off in front.
                #[expect(unsafe_code, reason = "vectors are used where they lie")]
                let (_, vectors, _) = unsafe { vectors.align_to::<f32>() };
                vectors
            }
            Bytes::Heap { vectors, .. } => vectors,
        }
    }

    fn head(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(file) => file,
            Bytes::Heap { head, .. } => head,
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
