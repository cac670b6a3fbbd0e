//! Callers of streams: what they ask for, how an answer ends, and whether it ends as it should.

use std::io;
use std::net::SocketAddr;

use bench_kit::http::Reply;
use memchr::memmem;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::script::{TOKEN_MARK, token};

const ROOM_BYTES: usize = 8 << 10;

/// A caller, and its connection while there is one.
#[derive(Debug)]
pub(crate) struct Caller {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

/// How an answer has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// With all that was said until then, and its count right.
    Whole {
        /// Of the answer.
        tokens: u32,
    },
    /// With an error, after a part of it, and without pretending to be whole.
    BrokenOff {
        /// Of that part.
        tokens: u32,
    },
    /// With another status than 200.
    Refused {
        /// That status.
        status: u16,
    },
    /// With the news that the provider has failed too often of late.
    Resting,
    /// In no way that is documented.
    Wrong(String),
}

impl Caller {
    /// Not connected yet.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// Sends a request and reads the answer to its end; calls `begun` when its first token is there. Whoever drops this before its
    /// end has closed the connection.
    ///
    /// # Errors
    /// When the connection cannot be made, or breaks before the answer has ended.
    pub(crate) async fn ask(&mut self, request: &[u8], begun: impl FnOnce()) -> io::Result<End> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.address).await?,
        };
        stream.write_all(request).await?;
        let (mut received, mut begun) = (Vec::with_capacity(ROOM_BYTES), Some(begun));
        loop {
            if stream.read_buf(&mut received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if begun.is_some() && memmem::find(&received, TOKEN_MARK).is_some() {
                begun.take().into_iter().for_each(|begun| begun());
            }
            if let Some(reply) = Reply::parse_streamed(&received).map_err(io::Error::other)? {
                let end = End::of(reply.status, &String::from_utf8_lossy(&reply.content()));
                self.stream = Some(stream);
                return Ok(end);
            }
        }
    }
}

impl End {
    /// Reads a whole body.
    fn of(status: u16, body: &str) -> Self {
        match status {
            200 => {}
            503 if body.contains("failed several times in a row") => return Self::Resting,
            status => return Self::Refused { status },
        }
        match Told::read(body) {
            Ok(told) => told.end().unwrap_or_else(|| Self::Wrong(body.chars().take(1000).collect())),
            Err(error) => Self::Wrong(format!("an event is no JSON: {error}")),
        }
    }
}

/// What the events of a stream say.
#[derive(Debug, Default)]
struct Told {
    text: String,
    tokens: u32,
    counted: Option<u64>,
    is_done: bool,
    is_error: bool,
}

impl Told {
    fn read(body: &str) -> serde_json::Result<Self> {
        let mut told = Self::default();
        for data in body.lines().filter_map(|line| line.strip_prefix("data: ")) {
            if data == "[DONE]" {
                told.is_done = true;
                continue;
            }
            let event: Value = serde_json::from_str(data)?;
            told.is_error |= event.get("error").is_some();
            told.counted = event["usage"]["completion_tokens"].as_u64().or(told.counted);
            let said = event["choices"][0]["delta"]["content"].as_str().unwrap_or_default();
            told.tokens += u32::from(!said.is_empty());
            told.text.push_str(said);
        }
        Ok(told)
    }

    /// `None` where this is neither a whole answer nor one that says that it is not.
    fn end(&self) -> Option<End> {
        let tokens = self.tokens;
        let is_in_order = self.text == (0..tokens).map(token).collect::<String>();
        match (self.is_done, self.is_error) {
            (true, false) if is_in_order && self.counted == Some(tokens.into()) => {
                Some(End::Whole { tokens })
            }
            (false, true) if is_in_order => Some(End::BrokenOff { tokens }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(token: &str) -> String {
        format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{token}\"}}}}]}}\n\n")
    }

    #[test]
    fn end_of_a_stream_is_told_from_its_events() {
        let (first, second) = (event("w0 "), event("w1 "));
        let usage = "data: {\"choices\":[],\"usage\":{\"completion_tokens\":2}}\n\n";
        let (error, done) = ("data: {\"error\":{\"message\":\"it broke\"}}\n\n", "data: [DONE]\n\n");
        let of = |events: &[&str]| End::of(200, &events.concat());
        assert_eq!(of(&[&first, ": still here\n\n", &second, usage, done]), End::Whole { tokens: 2 });
        assert_eq!(of(&[&first, error]), End::BrokenOff { tokens: 1 });
        assert_eq!(End::of(502, "{}"), End::Refused { status: 502 });
        let resting =
            "{\"detail\":\"provider mock has failed several times in a row: it is asked again in 15 s\"}";
        assert_eq!(End::of(503, resting), End::Resting);
        let wrong: [&[&str]; 5] = [
            &[&first, &second],
            &[&first, usage, done],
            &[&second, &first, usage, done],
            &[&first, error, done],
            &[&first, &second, done],
        ];
        for events in wrong {
            assert!(matches!(of(events), End::Wrong(_)), "{events:?}");
        }
    }
}
