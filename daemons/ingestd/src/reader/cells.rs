//! Rows of text as cells, without a copy of what needs none.

use std::borrow::Cow;
use std::ops::Range;

/// A block of text that may hold bytes which are none.
pub(crate) struct Text<'a> {
    bytes: &'a [u8],
    /// The same length as `bytes`: each byte that is not UTF-8 is a substitute here.
    text: Cow<'a, str>,
    /// Whether all of it is UTF-8 without NUL, so that no cell has to be looked at.
    is_clean: bool,
}

impl<'a> Text<'a> {
    /// Looks at all of `bytes` at once, which is much faster than at each cell.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                let is_clean = memchr::memchr(0, bytes).is_none();
                Self { bytes, text: Cow::Borrowed(text), is_clean }
            }
            Err(_) => Self { bytes, text: Cow::Owned(substituted(bytes)), is_clean: false },
        }
    }

    /// Why the bytes in `range` are no text, if they are none.
    pub(crate) fn fault(&self, range: Range<usize>) -> Option<&'static str> {
        if self.is_clean {
            return None;
        }
        let bytes = &self.bytes[range];
        if memchr::memchr(0, bytes).is_some() {
            Some("contains a NUL byte")
        } else if std::str::from_utf8(bytes).is_err() {
            Some("is not UTF-8")
        } else {
            None
        }
    }

    /// The text in `range`, which must not cut a character.
    pub(crate) fn get(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    /// The bytes in `range` as they came, to be shown.
    pub(crate) fn shown(&self, range: Range<usize>) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes[range])
    }
}

/// `bytes` with a substitute (U+001A) for each that is not UTF-8, so that all others stay where they are.
fn substituted(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{1A}'));
    }
    text
}

/// Where the text of a cell is.
#[derive(Debug, Clone, Copy)]
enum Place {
    Null,
    /// In the block.
    Block(u32, u32),
    /// Among the texts that were written anew, such as those that held escapes.
    Written(u32, u32),
}

/// Rows of `width` cells each.
pub(crate) struct Cells<'a> {
    text: &'a Text<'a>,
    width: usize,
    places: Vec<Place>,
    written: String,
    lines: Vec<u64>,
}

impl<'a> Cells<'a> {
    /// No rows yet.
    pub(crate) fn new(text: &'a Text<'a>, width: usize) -> Self {
        Self { text, width, places: Vec::new(), written: String::new(), lines: Vec::new() }
    }

    /// The cells of the row that begins on `line`; each is null until it is set.
    pub(crate) fn begin_row(&mut self, line: u64) {
        self.lines.push(line);
        self.places.resize(self.lines.len() * self.width, Place::Null);
    }

    /// Takes the row that was begun last away again.
    pub(crate) fn abandon_row(&mut self) {
        self.lines.pop();
        self.places.truncate(self.lines.len() * self.width);
    }

    /// Sets a cell of the last row to the text in `range` of the block.
    pub(crate) fn set(&mut self, column: usize, range: Range<usize>) {
        self.put(column, Place::Block(offset(range.start), offset(range.end)));
    }

    /// Sets a cell of the last row to a copy of `text`, which need not stand in the block.
    pub(crate) fn set_text(&mut self, column: usize, text: &str) {
        let start = self.written.len();
        self.written.push_str(text);
        self.put(column, Place::Written(offset(start), offset(self.written.len())));
    }

    fn put(&mut self, column: usize, place: Place) {
        let row = self.places.len() - self.width;
        self.places[row + column] = place;
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The line on which a row begins.
    pub(crate) fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    /// The cells of a column from top to bottom.
    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = Option<&str>> {
        (0..self.lines.len()).map(move |row| self.cell(row, column))
    }

    /// One cell; none if it is null.
    pub(crate) fn cell(&self, row: usize, column: usize) -> Option<&str> {
        match self.places[row * self.width + column] {
            Place::Null => None,
            Place::Block(start, end) => Some(self.text.get(start as usize..end as usize)),
            Place::Written(start, end) => self.written.get(start as usize..end as usize),
        }
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.lines.clear();
        self.places.clear();
        self.written.clear();
    }
}

/// A block is a piece and one row long at most: far below 4 GiB.
fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_fail_their_own_cell_only() {
        let text = Text::new(b"ab\xFFc\0\xC3\xA9");
        assert_eq!(text.fault(0..2), None);
        assert_eq!(text.fault(2..4), Some("is not UTF-8"));
        assert_eq!(text.fault(4..5), Some("contains a NUL byte"));
        assert_eq!((text.fault(5..7), text.get(5..7)), (None, "é"));
    }

    #[test]
    fn cell_is_null_until_it_is_set_and_abandoned_rows_leave_nothing() {
        let text = Text::new(b"one,two");
        let mut cells = Cells::new(&text, 2);
        cells.begin_row(1);
        cells.set(1, 4..7);
        cells.begin_row(2);
        cells.set(0, 0..3);
        cells.abandon_row();
        cells.begin_row(3);
        cells.set_text(0, "three");
        assert_eq!(cells.column(0).collect::<Vec<_>>(), [None, Some("three")]);
        assert_eq!(cells.column(1).collect::<Vec<_>>(), [Some("two"), None]);
        assert_eq!((cells.rows(), cells.line(1)), (2, 3));
    }
}
