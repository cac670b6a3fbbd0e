//! The numbers of all vectors, in rows that never move or change.

use std::io;

use crate::sealed::Sealed;
use crate::segment::RowBuffer;
use crate::table::Table;

/// Vectors of one dimension, `[len, dimension]`, append only: those of the segments, then those of the write buffer. A
/// clone costs a few reference counts.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    sealed: Sealed,
    buffer: Table<f32>,
}

impl Rows {
    #[cfg(test)]
    pub(crate) fn new(dimension: usize) -> Self {
        Self::behind(Sealed::default(), dimension)
    }

    /// Those of segments of this dimension, and an empty buffer.
    pub(crate) fn behind(sealed: Sealed, dimension: usize) -> Self {
        Self { sealed, buffer: Table::new(dimension) }
    }

    pub(crate) fn dimension(&self) -> usize {
        self.buffer.width()
    }

    pub(crate) fn sealed(&self) -> &Sealed {
        &self.sealed
    }

    /// Appends one row. Its length has been checked by [`crate::Distance`].
    pub(crate) fn push(&mut self, row: &[f32]) {
        self.buffer.push(row);
    }

    /// The row of a slot: where it lies, or read into `buffer`.
    ///
    /// # Errors
    /// Those of reading a file.
    #[inline]
    pub(crate) fn row<'a>(&'a self, slot: u32, buffer: &'a mut RowBuffer) -> io::Result<&'a [f32]> {
        match self.sealed.find(slot) {
            Some((segment, slot)) => segment.row(slot, buffer),
            None => Ok(self.buffered(slot)),
        }
    }

    /// The row of a slot of the write buffer.
    #[inline]
    pub(crate) fn buffered(&self, slot: u32) -> &[f32] {
        self.buffer.row((slot - self.sealed.slots()) as usize)
    }
}
