//! Cuts JSON into rows: lines of NDJSON, elements of an array. Rows are found by brackets and quotes alone; what is in them is
//! for their reader to judge.

use std::io::Read;

use memchr::{memchr, memchr2, memrchr};

use crate::reader::rejects::{too_long, whole_row};
use crate::reader::source::Source;
use crate::reader::{Block, Limits, Piece, Pieces, ReadError, RowSpan, lines};

/// One JSON object a line.
pub(crate) struct Lines<R> {
    source: Source<R>,
    line: u64,
    limits: Limits,
}

impl<R: Read> Lines<R> {
    /// Reads `body` from its beginning.
    ///
    /// # Errors
    /// Those of [`Source::open`].
    pub(crate) fn open(body: R, limits: &Limits) -> Result<Self, ReadError> {
        Ok(Self { source: Source::open(body)?, line: 1, limits: limits.clone() })
    }

    fn skip_long_line(&mut self) -> Result<Piece, ReadError> {
        let line = self.line;
        loop {
            if let Some(end) = memchr(b'\n', self.source.pending()) {
                self.source.skip(end + 1);
                self.line += 1;
                break;
            }
            self.source.skip(self.source.pending().len());
            if self.source.is_at_end() {
                break;
            }
            self.source.read_more(self.limits.piece_bytes)?;
        }
        Ok(Piece::TooLong(whole_row(line, too_long(self.limits.max_row_bytes))))
    }
}

impl<R: Read + Send> Pieces for Lines<R> {
    fn next_piece(&mut self) -> Result<Option<Piece>, ReadError> {
        let last_end = |text: &[u8]| memrchr(b'\n', text).map(|found| found + 1);
        let Some(end) = self.source.end_of_rows(&self.limits, last_end)? else {
            return self.skip_long_line().map(Some);
        };
        if end == 0 {
            return Ok(None);
        }
        let bytes = self.source.take(end);
        let first_line = self.line;
        let (mut rows, mut start) = (Vec::new(), 0);
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |found| start + found);
            if !bytes[start..end].trim_ascii().is_empty() {
                rows.push(RowSpan { line: self.line, start, end });
            }
            self.line += 1;
            start = end + 1;
        }
        Ok(Some(Piece::Text(Block { first_line, bytes, rows })))
    }
}

/// The elements of one array, or a single object.
pub(crate) struct Elements<R> {
    source: Source<R>,
    place: Place,
    /// Whether the body is one object and no array.
    is_single: bool,
    /// On which the pending bytes begin.
    line: u64,
    limits: Limits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before everything.
    Start,
    /// Behind the opening bracket.
    First,
    /// Before an element.
    Next,
    /// Within an element that is too long, and began on this line.
    Skipping(u64, Value),
    /// Behind the array, or the single object.
    End,
}

/// How far a scan over one value has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Value {
    depth: u32,
    is_in_string: bool,
    is_escaped: bool,
    scanned: usize,
}

impl Value {
    /// Goes on over `text`, which begins with the value: the position behind it, once that is there.
    fn end(&mut self, text: &[u8]) -> Option<usize> {
        while let Some(&byte) = text.get(self.scanned) {
            if self.is_escaped {
                self.is_escaped = false;
            } else if self.is_in_string {
                let Some(found) = memchr2(b'"', b'\\', &text[self.scanned..]) else {
                    self.scanned = text.len();
                    return None;
                };
                self.scanned += found;
                self.is_escaped = text[self.scanned] == b'\\';
                self.is_in_string = self.is_escaped;
                if !self.is_in_string && self.depth == 0 {
                    return Some(self.scanned + 1);
                }
            } else {
                match byte {
                    b'"' => self.is_in_string = true,
                    b'[' | b'{' => self.depth += 1,
                    b']' | b'}' if self.depth == 1 => return Some(self.scanned + 1),
                    b']' | b'}' if self.depth > 1 => self.depth -= 1,
                    b']' | b'}' | b',' if self.depth == 0 => return Some(self.scanned),
                    _ if self.depth == 0 && byte.is_ascii_whitespace() => return Some(self.scanned),
                    _ => {}
                }
            }
            self.scanned += 1;
        }
        None
    }
}

impl<R: Read> Elements<R> {
    /// Reads `body` from its beginning.
    ///
    /// # Errors
    /// Those of [`Source::open`].
    pub(crate) fn open(body: R, limits: &Limits) -> Result<Self, ReadError> {
        let (source, limits) = (Source::open(body)?, limits.clone());
        Ok(Self { source, place: Place::Start, is_single: false, line: 1, limits })
    }

    /// The next byte from `at` on that is no white space, reading on as far as needed; moves `at` to it.
    fn next_byte(&mut self, at: &mut usize) -> Result<Option<u8>, ReadError> {
        loop {
            let pending = &self.source.pending()[*at..];
            if let Some(found) = pending.iter().position(|byte| !byte.is_ascii_whitespace()) {
                *at += found;
                return Ok(Some(pending[found]));
            }
            *at = self.source.pending().len();
            if self.source.is_at_end() {
                return Ok(None);
            }
            self.source.read_more(self.limits.piece_bytes)?;
        }
    }

    fn malformed(&self, at: usize, what: &str) -> ReadError {
        ReadError::malformed(format!("line {}: {what}", self.line_at(at)))
    }

    fn never_closed(&self, at: usize) -> ReadError {
        let what = if self.is_single { "object" } else { "array" };
        self.malformed(at, &format!("the {what} is never closed: the body ends within it"))
    }

    fn line_at(&self, at: usize) -> u64 {
        self.line + lines::count(&self.source.pending()[..at])
    }

    /// Takes what comes before the first element.
    fn begin(&mut self, at: &mut usize) -> Result<(), ReadError> {
        match self.next_byte(at)? {
            None => return Err(ReadError::malformed("the body holds nothing but white space")),
            Some(b'[') => {
                *at += 1;
                self.place = Place::First;
            }
            Some(b'{') => {
                self.is_single = true;
                self.place = Place::Next;
            }
            Some(_) => {
                return Err(self.malformed(*at, "JSON rows are an array of objects, or one object"));
            }
        }
        Ok(())
    }

    /// Finds the element at `at` and moves behind it: none if there is no other, or it is longer than the limit.
    fn element(&mut self, at: &mut usize) -> Result<Option<RowSpan>, ReadError> {
        match self.next_byte(at)? {
            Some(b']') if self.place == Place::First => {
                *at += 1;
                self.place = Place::End;
                return Ok(None);
            }
            Some(b',' | b']' | b'}') => return Err(self.malformed(*at, "a value is missing")),
            _ => {}
        }
        let (start, mut value) = (*at, Value::default());
        loop {
            if let Some(length) = value.end(&self.source.pending()[start..]) {
                let end = start + length;
                *at = end;
                self.behind_element(at)?;
                return Ok(Some(RowSpan { line: 0, start, end }));
            }
            if self.source.is_at_end() {
                return Err(self.never_closed(start));
            }
            if self.source.pending().len() - start > self.limits.max_row_bytes {
                self.place = Place::Skipping(self.line_at(start), value);
                return Ok(None);
            }
            self.source.read_more(self.limits.piece_bytes)?;
        }
    }

    /// Takes the comma or the bracket behind an element.
    fn behind_element(&mut self, at: &mut usize) -> Result<(), ReadError> {
        if self.is_single {
            self.place = Place::End;
            return Ok(());
        }
        self.place = match self.next_byte(at)? {
            Some(b',') => Place::Next,
            Some(b']') => Place::End,
            None => return Err(self.never_closed(*at)),
            Some(_) => return Err(self.malformed(*at, "a comma is missing between two values")),
        };
        *at += 1;
        Ok(())
    }

    /// Goes on over an element that is too long, without holding it.
    fn skip_long(&mut self, line: u64, mut value: Value) -> Result<Piece, ReadError> {
        loop {
            if let Some(mut at) = value.end(self.source.pending()) {
                self.behind_element(&mut at)?;
                self.consume(at);
                return Ok(Piece::TooLong(whole_row(line, too_long(self.limits.max_row_bytes))));
            }
            if self.source.is_at_end() {
                return Err(self.never_closed(0));
            }
            self.consume(self.source.pending().len());
            value.scanned = 0;
            self.source.read_more(self.limits.piece_bytes)?;
        }
    }

    fn consume(&mut self, end: usize) -> Vec<u8> {
        self.line = self.line_at(end);
        self.source.take(end)
    }

    fn block(&mut self, end: usize, mut rows: Vec<RowSpan>) -> Piece {
        let first_line = self.line;
        let bytes = self.consume(end);
        let (mut line, mut at) = (first_line, 0);
        for row in &mut rows {
            line += lines::count(&bytes[at..row.start]);
            at = row.start;
            row.line = line;
        }
        Piece::Text(Block { first_line, bytes, rows })
    }
}

impl<R: Read + Send> Pieces for Elements<R> {
    fn next_piece(&mut self) -> Result<Option<Piece>, ReadError> {
        if let Place::Skipping(line, value) = self.place {
            return self.skip_long(line, value).map(Some);
        }
        let (mut at, mut rows) = (0, Vec::new());
        if self.place == Place::Start {
            self.begin(&mut at)?;
        }
        while at < self.limits.piece_bytes && matches!(self.place, Place::First | Place::Next) {
            rows.extend(self.element(&mut at)?);
        }
        if self.place == Place::End {
            let behind = at;
            if self.next_byte(&mut at)?.is_some() {
                let what =
                    "something follows the end of the JSON; objects one a line are application/x-ndjson";
                return Err(self.malformed(at, what));
            }
            if behind == 0 {
                return Ok(None);
            }
        }
        Ok(Some(self.block(at, rows)))
    }
}
