//! The numbers of all vectors, in rows that never move or change.

use std::sync::Arc;

/// Rows per block: 1.5 MB at 384 dimensions.
const BLOCK_ROWS: usize = 1024;

/// Vectors of one dimension, `[len, dimension]`, append only.
///
/// Full blocks are shared, so that a clone, from which a graph is built while writes go on, copies at most one block.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    dimension: usize,
    full: Vec<Arc<[f32]>>,
    tail: Vec<f32>,
}

impl Rows {
    pub(crate) fn new(dimension: usize) -> Self {
        Self { dimension, full: Vec::new(), tail: Vec::new() }
    }

    pub(crate) fn dimension(&self) -> usize {
        self.dimension
    }

    pub(crate) fn len(&self) -> usize {
        self.full.len() * BLOCK_ROWS + self.tail.len() / self.dimension
    }

    /// Appends one row. Its length has been checked by [`crate::Distance`].
    pub(crate) fn push(&mut self, row: &[f32]) {
        debug_assert_eq!(row.len(), self.dimension);
        self.tail.extend_from_slice(row);
        if self.tail.len() == BLOCK_ROWS * self.dimension {
            self.full.push(self.tail.as_slice().into());
            self.tail.clear();
        }
    }

    #[inline]
    pub(crate) fn row(&self, slot: u32) -> &[f32] {
        let slot = slot as usize;
        let start = slot % BLOCK_ROWS * self.dimension;
        let block = self.full.get(slot / BLOCK_ROWS).map_or(self.tail.as_slice(), |block| block);
        &block[start..start + self.dimension]
    }

    /// Each row in turn.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.len() as u32).map(|slot| self.row(slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_where_they_are_across_block_borders_and_clones() {
        let mut rows = Rows::new(3);
        for i in 0..BLOCK_ROWS * 2 {
            rows.push(&[i as f32, 0.0, 1.0]);
        }
        let frozen = rows.clone();
        rows.push(&[-1.0, -1.0, -1.0]);
        assert_eq!((frozen.len(), rows.len()), (BLOCK_ROWS * 2, BLOCK_ROWS * 2 + 1));
        for slot in [0, BLOCK_ROWS - 1, BLOCK_ROWS, 2 * BLOCK_ROWS - 1] {
            assert_eq!(frozen.row(slot as u32), [slot as f32, 0.0, 1.0]);
            assert_eq!(frozen.row(slot as u32).as_ptr(), rows.row(slot as u32).as_ptr());
        }
        assert_eq!(rows.iter().last().unwrap(), [-1.0, -1.0, -1.0]);
    }
}
