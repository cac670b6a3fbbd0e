//! Cuts a body that arrives in arbitrary chunks into lines.

/// The longest line that is kept; a provider that sends more is not speaking its protocol.
const MAX_LINE_BYTES: usize = 1 << 20;

/// What has arrived and is not a whole line yet.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pending: Vec<u8>,
    read: usize,
}

impl Lines {
    /// Takes the next chunk. `Err` when a line is too long.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), String> {
        self.pending.drain(..self.read);
        self.read = 0;
        if self.pending.len() + chunk.len() > MAX_LINE_BYTES {
            return Err(format!("a line is longer than {MAX_LINE_BYTES} bytes"));
        }
        self.pending.extend_from_slice(chunk);
        Ok(())
    }

    /// The next whole line, without its end and without white space around it.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        let rest = &self.pending[self.read..];
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        self.read += end + 1;
        Some(rest[..end].trim_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_depend_on_where_the_chunks_are_cut() {
        let text = "{\"a\":\"é\"}\r\n\n{\"b\":2}\nrest".as_bytes();
        for cut in 0..=text.len() {
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for chunk in [&text[..cut], &text[cut..]] {
                lines.push(chunk).unwrap();
                while let Some(line) = lines.next() {
                    found.push(line.to_vec());
                }
            }
            assert_eq!(found, ["{\"a\":\"é\"}".as_bytes(), b"", b"{\"b\":2}"], "cut at {cut}");
        }
    }

    #[test]
    fn line_without_end_is_given_up() {
        let mut lines = Lines::default();
        let chunk = vec![b'x'; MAX_LINE_BYTES / 2];
        assert!(lines.push(&chunk).and_then(|()| lines.push(&chunk)).is_ok());
        assert!(lines.push(b"x").is_err());
    }
}
