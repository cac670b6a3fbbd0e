//! Where things are in a segment file.

use crate::codec::{Fields, Put};
use crate::files::Entry;

const MAGIC: &[u8; 8] = b"LHVECSEG";
const FORMAT: u32 = 2;
pub(super) const HEADER_BYTES: usize = 64;
/// Vectors begin at a multiple of this: a cache line.
const ALIGNMENT: u64 = 64;

/// The numbers of a header, from which all offsets follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) dimension: usize,
    pub(super) slots: usize,
    pub(super) ids_bytes: u64,
    pub(super) metadata_bytes: u64,
    /// Whether an item expires.
    pub(super) has_times: bool,
}

impl Layout {
    pub(super) fn id_ends_at(&self) -> u64 {
        HEADER_BYTES as u64
    }

    pub(super) fn metadata_ends_at(&self) -> u64 {
        self.id_ends_at() + 8 * self.slots as u64
    }

    pub(super) fn times_at(&self) -> u64 {
        self.metadata_ends_at() + 8 * self.slots as u64
    }

    pub(super) fn ids_at(&self) -> u64 {
        self.times_at() + if self.has_times { 8 * self.slots as u64 } else { 0 }
    }

    pub(super) fn metadata_at(&self) -> u64 {
        self.ids_at() + self.ids_bytes
    }

    /// Where the zeros before the vectors begin.
    pub(super) fn metadata_end(&self) -> u64 {
        self.metadata_at() + self.metadata_bytes
    }

    pub(super) fn vectors_at(&self) -> u64 {
        self.metadata_end().next_multiple_of(ALIGNMENT)
    }

    pub(super) fn file_bytes(&self) -> u64 {
        self.vectors_at() + (self.slots * self.dimension * 4) as u64
    }

    pub(super) fn header(&self, number: u64) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        header.put_u32(FORMAT);
        header.put_u32(self.dimension as u32);
        header.put_u64(self.slots as u64);
        header.put_u64(number);
        header.put_u64(self.ids_bytes);
        header.put_u64(self.metadata_bytes);
        header.put_u32(u32::from(self.has_times));
        header.resize(HEADER_BYTES - 4, 0);
        header.put_u32(crc32fast::hash(&header));
        header
    }

    /// Inverse of [`Layout::header`], of the file that `entry` names. The offsets are then within `entry.sum.bytes`.
    pub(super) fn of_header(
        header: &[u8; HEADER_BYTES],
        entry: &Entry,
        dimension: usize,
    ) -> Result<Self, String> {
        let (checked, crc) = header.split_at(HEADER_BYTES - 4);
        if Fields(crc).u32()? != crc32fast::hash(checked) {
            return Err("the header fails its checksum".to_owned());
        }
        let mut fields = Fields(checked);
        if fields.take(MAGIC.len())? != MAGIC {
            return Err("it does not begin as a segment does".to_owned());
        }
        let format = fields.u32()?;
        if format != FORMAT {
            return Err(format!("format {format} is not the format {FORMAT} of this build"));
        }
        let stored_dimension = fields.u32()? as usize;
        if stored_dimension != dimension {
            return Err(format!("it holds vectors of {stored_dimension} numbers instead of {dimension}"));
        }
        let (slots, number) = (fields.u64()?, fields.u64()?);
        if (slots, number) != (u64::from(entry.slots), entry.number) {
            return Err("it is not the segment that the manifest names".to_owned());
        }
        let (ids_bytes, metadata_bytes, has_times) = (fields.u64()?, fields.u64()?, fields.u32()? != 0);
        let layout = Self { dimension, slots: entry.slots as usize, ids_bytes, metadata_bytes, has_times };
        // Before any sum of them: no sum then overflows.
        let is_within = ids_bytes.max(metadata_bytes) <= entry.sum.bytes && entry.sum.bytes < 1 << 60;
        if !is_within || layout.file_bytes() != entry.sum.bytes {
            return Err(format!("its header does not describe {} bytes", entry.sum.bytes));
        }
        Ok(layout)
    }
}
