//! Rows that are appended, shared between threads, and never changed.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A full block takes at least this much: a few huge pages, which spare random reads most misses of the TLB.
const BLOCK_BYTES: usize = 4 << 20;
/// Blocks from this size on ask for huge pages.
const HUGE_PAGE_BYTES: usize = 2 << 20;
/// Rows of the first block when it is new; it doubles until it is full-sized, so that small tables stay small.
const FIRST_ROWS: usize = 16;

/// What a table holds: plain numbers.
///
/// # Safety
/// All bit patterns are values, zero bytes among them.
#[expect(unsafe_code, reason = "memory of a block is taken zeroed, so that untouched pages cost nothing")]
pub(crate) unsafe trait Plain: Copy + Send + Sync + 'static {}

#[expect(unsafe_code, reason = "see `Plain`")]
mod plain {
    // SAFETY: every bit pattern is an f32.
    unsafe impl super::Plain for f32 {}
    // SAFETY: every bit pattern is a u32.
    unsafe impl super::Plain for u32 {}
    // SAFETY: every bit pattern is 64 bytes.
    unsafe impl super::Plain for super::Line {}
}

/// One cache line of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u8; 64]);

/// Words of a line.
pub(crate) const WORDS_PER_LINE: usize = 16;

impl Line {
    /// The line that [`as_words`] reads as `words`.
    pub(crate) fn from_words(words: [u32; WORDS_PER_LINE]) -> Self {
        let mut bytes = [0; 64];
        for (place, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(words) {
            *place = word.to_ne_bytes();
        }
        Self(bytes)
    }

    /// Inverse of [`Line::from_words`].
    pub(crate) fn words(&self) -> [u32; WORDS_PER_LINE] {
        let (words, _) = self.0.as_chunks::<4>();
        std::array::from_fn(|place| u32::from_ne_bytes(words[place]))
    }
}

/// The words that lines hold, [`WORDS_PER_LINE`] each.
#[inline]
pub(crate) fn as_words(lines: &[Line]) -> &[u32] {
    // SAFETY: lines lie behind each other without gaps, at addresses divisible by 64, and any four bytes are a `u32`.
    #[expect(unsafe_code, reason = "links are read where they lie")]
    unsafe {
        std::slice::from_raw_parts(lines.as_ptr().cast::<u32>(), lines.len() * WORDS_PER_LINE)
    }
}

/// A growable `[len, width]` of numbers. A clone costs a few reference counts and sees the rows that were there when it
/// was made, while the original goes on growing in the same memory.
#[derive(Debug, Clone)]
pub(crate) struct Table<T> {
    width: usize,
    /// Rows per full block, as a power of two.
    block_shift: u32,
    len: usize,
    blocks: Vec<Arc<Block<T>>>,
}

/// Memory for some rows. Each row is written once, by the table that claimed it, before any table's length says that it
/// is there.
#[derive(Debug)]
struct Block<T> {
    cells: Box<[UnsafeCell<T>]>,
    /// Rows that have been given to a writer.
    claimed: AtomicUsize,
}

// SAFETY: a cell is written only by the one `push` that claimed its row, and read only through tables whose `len`
// covers the row: that push returned such a table before, and whatever handed it to another thread ordered both.
#[expect(unsafe_code, reason = "appending without copying what readers hold")]
unsafe impl<T: Plain> Sync for Block<T> {}

impl<T: Plain> Block<T> {
    fn new(rows: usize, width: usize) -> Self {
        #[expect(unsafe_code, reason = "`Plain` says that zero bytes are a value")]
        // SAFETY: zero bytes are a value of `T`, and `UnsafeCell<T>` has its layout.
        let cells = unsafe { Box::<[UnsafeCell<T>]>::new_zeroed_slice(rows * width).assume_init() };
        advise_huge_pages(&cells);
        Self { cells, claimed: AtomicUsize::new(0) }
    }

    /// The same first `rows`, in memory of their own for `capacity` rows.
    fn copied(&self, rows: usize, capacity: usize, width: usize) -> Self {
        let mut copy = Self::new(capacity, width);
        for (cell, value) in copy.cells.iter_mut().zip(self.read(0, rows * width)) {
            *cell.get_mut() = *value;
        }
        copy.claimed = AtomicUsize::new(rows);
        copy
    }

    /// The caller's table covers these cells.
    #[inline(always)]
    fn read(&self, from: usize, len: usize) -> &[T] {
        let cells = &self.cells[from..from + len];
        // SAFETY: `UnsafeCell<T>` has the layout of `T`; the cells have been written and will not be again.
        #[expect(unsafe_code, reason = "see `Block`")]
        unsafe {
            std::slice::from_raw_parts(cells.as_ptr().cast::<T>(), cells.len())
        }
    }

    /// Takes row `row` for the caller, unless it or one before it is not the next.
    fn claim(&self, row: usize) -> bool {
        self.claimed.compare_exchange(row, row + 1, Relaxed, Relaxed).is_ok()
    }

    /// The caller has claimed the row.
    fn write(&self, row: usize, values: &[T]) {
        let cells = &self.cells[row * values.len()..(row + 1) * values.len()];
        for (cell, value) in cells.iter().zip(values) {
            // SAFETY: nobody reads a row before its writer's table says that it is there, and only one writer
            // claims it.
            #[expect(unsafe_code, reason = "see `Block`")]
            unsafe {
                *cell.get() = *value;
            }
        }
    }
}

/// Asks for huge pages under `cells`, if there are enough. Best effort: without them reads are slower and not wrong.
pub(crate) fn advise_huge_pages<T>(cells: &[T]) {
    #[cfg(target_os = "linux")]
    if size_of_val(cells) >= HUGE_PAGE_BYTES {
        let range = cells.as_ptr_range();
        let (start, end) = (range.start.addr().next_multiple_of(HUGE_PAGE_BYTES), range.end.addr());
        let len = end.saturating_sub(start) / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;
        let first = range.start.cast_mut().cast::<std::ffi::c_void>().with_addr(start);
        // SAFETY: the pages lie within `cells`, and this advice changes nothing that they hold.
        #[expect(unsafe_code, reason = "there is no safe form of it")]
        let _ = unsafe { rustix::mm::madvise(first, len, rustix::mm::Advice::LinuxHugepage) };
    }
}

impl<T: Plain> Table<T> {
    /// An empty table of rows of `width` numbers, at least 1.
    pub(crate) fn new(width: usize) -> Self {
        let block_rows = (BLOCK_BYTES / (width * size_of::<T>())).clamp(1 << 10, 1 << 20);
        Self {
            width,
            block_shift: block_rows.next_power_of_two().trailing_zeros(),
            len: 0,
            blocks: Vec::new(),
        }
    }

    /// Rows per full block.
    fn block_rows(&self) -> usize {
        1 << self.block_shift
    }

    /// Numbers per row.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Bytes taken, whether or not the pages have been touched.
    #[cfg(test)]
    fn capacity_bytes(&self) -> usize {
        self.blocks.iter().map(|block| size_of_val(&*block.cells)).sum()
    }

    /// The row at `index`.
    #[inline(always)]
    pub(crate) fn row(&self, index: usize) -> &[T] {
        assert!(index < self.len, "row {index} of {}", self.len);
        let at = index & (self.block_rows() - 1);
        self.blocks[index >> self.block_shift].read(at * self.width, self.width)
    }

    /// Appends a row of [`Table::width`] numbers.
    pub(crate) fn push(&mut self, row: &[T]) {
        assert_eq!(row.len(), self.width, "the width of a row");
        let at = self.len & (self.block_rows() - 1);
        self.block_with_room(at).write(at, row);
        self.len += 1;
    }

    /// Forgets the rows from `len` on. What clones see does not change.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.blocks.truncate(self.len.div_ceil(self.block_rows()));
    }

    /// The block of the next row, which is claimed.
    fn block_with_room(&mut self, at: usize) -> &Block<T> {
        let index = self.len >> self.block_shift;
        if index == self.blocks.len() {
            let rows = if index == 0 { FIRST_ROWS } else { self.block_rows() };
            self.blocks.push(Arc::new(Block::new(rows, self.width)));
        }
        let capacity = self.blocks[index].cells.len() / self.width;
        if at == capacity || !self.blocks[index].claim(at) {
            // Full, or a clone of this table has written its own row there.
            let larger = if at == capacity { (2 * capacity).min(self.block_rows()) } else { capacity };
            let copy = self.blocks[index].copied(at, larger, self.width);
            copy.claim(at);
            self.blocks[index] = Arc::new(copy);
        }
        &self.blocks[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK_ROWS: usize = BLOCK_BYTES / 4096;

    /// Rows of 4 KiB, so that full blocks are reached soon.
    fn wide(i: u32) -> Vec<u32> {
        (0..1024).map(|column| i + column).collect()
    }

    fn filled(rows: usize) -> Table<u32> {
        let mut table = Table::new(1024);
        (0..rows as u32).for_each(|i| table.push(&wide(i)));
        table
    }

    #[test]
    fn rows_come_back_across_growth_and_block_borders() {
        for rows in [0, 1, FIRST_ROWS, FIRST_ROWS + 1, BLOCK_ROWS, BLOCK_ROWS + 1, 2 * BLOCK_ROWS + 7] {
            let table = filled(rows);
            assert_eq!((table.len(), table.width()), (rows, 1024));
            for i in 0..rows {
                assert_eq!(table.row(i), wide(i as u32));
            }
        }
    }

    #[test]
    fn clone_keeps_what_it_saw_and_grows_apart_from_its_original() {
        for rows in [5, FIRST_ROWS, 100, BLOCK_ROWS, BLOCK_ROWS + 3] {
            let mut original = filled(rows);
            let mut clone = original.clone();
            original.push(&wide(7));
            clone.push(&wide(8));
            original.push(&wide(9));
            assert_eq!((original.row(rows), original.row(rows + 1)), (&wide(7)[..], &wide(9)[..]));
            assert_eq!((clone.len(), clone.row(rows)), (rows + 1, &wide(8)[..]));
            assert_eq!(original.row(rows - 1), clone.row(rows - 1));
        }
    }

    #[test]
    fn table_that_was_cut_grows_anew_and_its_clones_keep_what_they_saw() {
        for (rows, left) in
            [(100, 0), (100, 50), (BLOCK_ROWS + 9, BLOCK_ROWS), (2 * BLOCK_ROWS, BLOCK_ROWS + 1)]
        {
            let original = filled(rows);
            let mut cut = original.clone();
            cut.truncate(left);
            cut.push(&wide(77));
            assert_eq!((cut.len(), cut.row(left)), (left + 1, &wide(77)[..]));
            assert!((0..left).all(|i| cut.row(i) == original.row(i)));
            assert!((0..rows).all(|i| original.row(i) == wide(i as u32)));
        }
    }

    #[test]
    fn original_that_grows_shares_full_memory_with_its_clones() {
        let mut table = filled(BLOCK_ROWS / 2 + 1);
        let clone = table.clone();
        table.push(&wide(1));
        assert_eq!(table.row(0).as_ptr(), clone.row(0).as_ptr());
    }

    #[test]
    #[should_panic(expected = "row 2 of 2")]
    fn row_beyond_the_clone_is_refused_even_if_the_original_has_it() {
        let mut table = filled(2);
        let clone = table.clone();
        table.push(&wide(1));
        clone.row(2);
    }

    #[test]
    fn small_tables_are_small() {
        assert!(filled(3).capacity_bytes() <= FIRST_ROWS * 4096);
    }

    #[test]
    fn readers_see_whole_rows_while_a_writer_appends() {
        let shared = parking_lot::RwLock::new(filled(1));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 1..3_000 {
                    shared.write().push(&wide(i));
                }
            });
            scope.spawn(|| {
                let mut seen = 0;
                while seen < 3_000 {
                    let table = shared.read().clone();
                    seen = table.len();
                    assert_eq!(table.row(seen - 1), wide(seen as u32 - 1));
                }
            });
        });
    }
}
