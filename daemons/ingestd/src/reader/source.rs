//! The bytes of a text body, a piece at a time.

use std::io::{self, Read};

use super::{Limits, ReadError};

/// A body of text and what has been read of it but not been used yet.
pub(crate) struct Source<R> {
    input: R,
    /// Bytes that were read and belong to the next piece.
    pending: Vec<u8>,
    is_at_end: bool,
}

impl<R: Read> Source<R> {
    /// Opens a body as UTF-8 text, behind its byte order mark if it has one.
    ///
    /// # Errors
    /// [`ReadError::Malformed`] for an empty body, one in UTF-16 or UTF-32, and one that is compressed or Parquet and does
    /// not say so.
    pub(crate) fn open(input: R) -> Result<Self, ReadError> {
        let mut source = Self { input, pending: Vec::new(), is_at_end: false };
        source.read_more(4)?;
        match source.pending.as_slice() {
            [] => return Err(ReadError::malformed("the body is empty")),
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 0, 0xFE, 0xFF] => {
                return Err(ReadError::malformed("the body is UTF-16 or UTF-32; send UTF-8"));
            }
            [0x1F, 0x8B, ..] => {
                return Err(ReadError::malformed("the body is gzip; send Content-Encoding: gzip"));
            }
            [0x28, 0xB5, 0x2F, 0xFD] => {
                return Err(ReadError::malformed("the body is zstd; send Content-Encoding: zstd"));
            }
            b"PAR1" => return Err(ReadError::malformed("the body is Parquet; send format=parquet")),
            [0xEF, 0xBB, 0xBF, ..] => drop(source.pending.drain(..3)),
            _ => {}
        }
        Ok(source)
    }

    /// The bytes that are pending.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Whether everything has been read that there is.
    pub(crate) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// Reads up to `bytes` more behind what is pending.
    ///
    /// # Errors
    /// Those of the input.
    pub(crate) fn read_more(&mut self, bytes: usize) -> io::Result<()> {
        self.pending.reserve(bytes);
        let limit = bytes as u64;
        let read = (&mut self.input).take(limit).read_to_end(&mut self.pending)?;
        self.is_at_end = read < bytes;
        Ok(())
    }

    /// The end of whole rows in what is pending, about a piece of it, 0 at the end of the body; none when a single row is
    /// longer than the limit. `last_end` finds the end of the last whole row in a text.
    ///
    /// # Errors
    /// Those of the input.
    pub(crate) fn end_of_rows(
        &mut self,
        limits: &Limits,
        last_end: impl Fn(&[u8]) -> Option<usize>,
    ) -> io::Result<Option<usize>> {
        let Limits { max_row_bytes, piece_bytes, .. } = *limits;
        let mut wanted = piece_bytes;
        loop {
            let missing = wanted.saturating_sub(self.pending.len());
            if missing > 0 && !self.is_at_end {
                self.read_more(missing)?;
            }
            if self.is_at_end && self.pending.len() <= max_row_bytes + piece_bytes {
                return Ok(Some(self.pending.len()));
            }
            match last_end(&self.pending) {
                Some(end) => return Ok(Some(end)),
                None if self.pending.len() > max_row_bytes => return Ok(None),
                // Twice as much each time: what was searched is searched again.
                None => wanted = (2 * self.pending.len()).min(max_row_bytes + piece_bytes),
            }
        }
    }

    /// Takes the first `end` bytes away from what is pending.
    pub(crate) fn take(&mut self, end: usize) -> Vec<u8> {
        let rest = self.pending.split_off(end);
        std::mem::replace(&mut self.pending, rest)
    }

    /// Forgets the first `end` bytes of what is pending.
    pub(crate) fn skip(&mut self, end: usize) {
        self.pending.drain(..end);
    }
}
