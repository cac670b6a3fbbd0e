//! Server-sent events whose data are JSON (WHATWG HTML, "Server-sent events").

use bytes::BytesMut;
use futures::stream::{self, Stream};
use serde::de::DeserializeOwned;

use crate::{Answer, Error, Peer, Result};

/// A longer line is none of ours.
const MAX_LINE_BYTES: usize = 1 << 20;

/// The data of the events of `answer`: one line each, as our daemons write them.
pub(crate) fn events<T: DeserializeOwned>(
    peer: Peer,
    answer: Answer,
) -> impl Stream<Item = Result<T>> + use<T> {
    let reader = Reader { peer, answer, lines: Lines::default() };
    stream::try_unfold(
        reader,
        |mut reader| async move { Ok(reader.next().await?.map(|data| (data, reader))) },
    )
}

struct Reader {
    peer: Peer,
    answer: Answer,
    lines: Lines,
}

impl Reader {
    async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        loop {
            while let Some(line) = self.lines.next() {
                if let Some(data) = line.strip_prefix(b"data:") {
                    let malformed = |error| self.malformed(format!("an event: {error}"));
                    return serde_json::from_slice(data).map(Some).map_err(malformed);
                }
            }
            if self.lines.0.len() > MAX_LINE_BYTES {
                return Err(self.malformed("an event without an end".to_owned()));
            }
            match self.answer.chunk().await.map_err(|source| self.peer.unreachable(source))? {
                Some(chunk) => self.lines.0.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    fn malformed(&self, detail: String) -> Error {
        Error::Malformed { peer: self.peer.name(), detail }
    }
}

/// Bytes that come in pieces, as lines.
#[derive(Default)]
struct Lines(BytesMut);

impl Lines {
    /// The next whole line, without its end.
    fn next(&mut self) -> Option<BytesMut> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let mut line = self.0.split_to(end + 1);
        line.truncate(end);
        if line.last() == Some(&b'\r') {
            line.truncate(end - 1);
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_they_come_in() {
        let text = b"event: progress\r\ndata: {}\n\n: comment\ndata";
        for size in [1, 3, text.len()] {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for piece in text.chunks(size) {
                lines.0.extend_from_slice(piece);
                found.extend(std::iter::from_fn(|| lines.next()));
            }
            assert_eq!(found, [&b"event: progress"[..], b"data: {}", b"", b": comment"]);
        }
    }
}
