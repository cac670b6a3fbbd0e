//! The numbers of all vectors, in rows that never move or change.

use crate::table::Table;

/// Vectors of one dimension, `[len, dimension]`, append only. A clone costs a few reference counts.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    buffer: Table<f32>,
}

impl Rows {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { buffer: Table::new(dimension) }
    }

    pub(crate) fn dimension(&self) -> usize {
        self.buffer.width()
    }

    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Appends one row. Its length has been checked by [`crate::Distance`].
    pub(crate) fn push(&mut self, row: &[f32]) {
        self.buffer.push(row);
    }

    #[inline]
    pub(crate) fn row(&self, slot: u32) -> &[f32] {
        self.buffer.row(slot as usize)
    }

    /// Each row in turn.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.len() as u32).map(|slot| self.row(slot))
    }
}
