//! Cuts a body that arrives in arbitrary chunks into the JSON texts in it.

use memchr::memchr;

/// The longest text that is kept; a provider that sends more is not speaking its protocol.
const MAX_FRAME_BYTES: usize = 4 << 20;

/// How a provider separates one JSON text from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Each has a line of its own.
    Lines,
    /// Each is the data of a server-sent event (WHATWG HTML, section 9.2.6): lines `data: …` up to an empty line.
    Events,
}

/// What has arrived and has not been taken yet.
#[derive(Debug)]
pub(crate) struct Frames {
    framing: Framing,
    pending: Vec<u8>,
    read: usize,
    data: Option<Vec<u8>>,
}

impl Frames {
    pub(crate) fn new(framing: Framing) -> Self {
        Self { framing, pending: Vec::new(), read: 0, data: None }
    }

    /// Takes the next chunk. `Err` when a text is too long.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), String> {
        self.pending.drain(..self.read);
        self.read = 0;
        let held = self.pending.len() + self.data.as_ref().map_or(0, Vec::len);
        if held + chunk.len() > MAX_FRAME_BYTES {
            return Err(format!("a message in it is longer than {MAX_FRAME_BYTES} bytes"));
        }
        self.pending.extend_from_slice(chunk);
        Ok(())
    }

    /// The next whole text. Comments, other fields and empty events have nothing that is needed here.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        while let Some(end) = memchr(b'\n', &self.pending[self.read..]) {
            // Without its end, CRLF or LF, and without white space around it, which JSON does not mind.
            let line = self.pending[self.read..self.read + end].trim_ascii();
            self.read += end + 1;
            match self.framing {
                Framing::Lines if line.is_empty() => {}
                Framing::Lines => return Some(line.to_vec()),
                Framing::Events if line.is_empty() => {
                    if let Some(data) = self.data.take() {
                        return Some(data);
                    }
                }
                Framing::Events => add_data(&mut self.data, line),
            }
        }
        None
    }

    /// What is left when the connection has closed: a last text that the provider has not terminated.
    pub(crate) fn rest(&mut self) -> Option<Vec<u8>> {
        let line = self.pending.split_off(self.read);
        let line = line.trim_ascii();
        match self.framing {
            Framing::Lines => (!line.is_empty()).then(|| line.to_vec()),
            Framing::Events => {
                add_data(&mut self.data, line);
                self.data.take()
            }
        }
    }
}

fn add_data(data: &mut Option<Vec<u8>>, line: &[u8]) {
    let Some(value) = line.strip_prefix(b"data:") else { return };
    match data {
        Some(data) => {
            data.push(b'\n');
            data.extend_from_slice(value.trim_ascii());
        }
        None => *data = Some(value.trim_ascii().to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framing: Framing, chunks: &[&[u8]]) -> Vec<String> {
        let (mut frames, mut found) = (Frames::new(framing), Vec::new());
        for chunk in chunks {
            frames.push(chunk).unwrap();
            while let Some(frame) = frames.next() {
                found.push(frame);
            }
        }
        found.extend(frames.rest());
        found.into_iter().map(|frame| String::from_utf8(frame).unwrap()).collect()
    }

    #[test]
    fn lines_do_not_depend_on_where_the_chunks_are_cut() {
        let text = "{\"a\":\"é\"}\r\n\n{\"b\":2}\n{\"c\":3}".as_bytes();
        for cut in 0..=text.len() {
            let found = frames(Framing::Lines, &[&text[..cut], &text[cut..]]);
            assert_eq!(found, ["{\"a\":\"é\"}", "{\"b\":2}", "{\"c\":3}"], "cut at {cut}");
        }
    }

    #[test]
    fn events_do_not_depend_on_where_the_chunks_are_cut() {
        let text =
            ": hi\n\nevent: x\r\ndata: {\"a\":\r\ndata:\"é\"}\r\n\r\nid: 1\n\ndata: [DONE]\n".as_bytes();
        for cut in 0..=text.len() {
            let found = frames(Framing::Events, &[&text[..cut], &text[cut..]]);
            assert_eq!(found, ["{\"a\":\n\"é\"}", "[DONE]"], "cut at {cut}");
        }
    }

    #[test]
    fn text_without_end_is_given_up() {
        for framing in [Framing::Lines, Framing::Events] {
            let mut frames = Frames::new(framing);
            let chunk = vec![b'x'; MAX_FRAME_BYTES / 2];
            assert!(frames.push(&chunk).and_then(|()| frames.push(&chunk)).is_ok());
            assert!(frames.push(b"x").is_err());
        }
    }
}
