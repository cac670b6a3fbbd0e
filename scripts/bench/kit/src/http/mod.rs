//! A small HTTP/1.1 client for one daemon on the same machine: what a load generator must not do is take the CPU time of
//! what it measures. Requests are texts made beforehand, connections are kept, answers are found by their length.

mod reply;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use reply::Reply;

/// How long any one answer may take.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Large enough for most answers at one read.
pub const READ_BYTES: usize = 64 << 10;

/// The text of a request with a JSON body.
pub fn post(path: &str, body: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    Ok(post_json(path, &serde_json::to_vec(body)?))
}

/// The same for a body that is JSON already.
pub fn post_json(path: &str, body: &[u8]) -> Vec<u8> {
    post_bytes(path, "application/json", body)
}

/// The same for a body of any type.
pub fn post_bytes(path: &str, media_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// One connection, for calls that are made one after the other and are not timed.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    /// A connection whose answers come within a minute.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        Self::connect_patiently(address, PATIENCE)
    }

    /// The same for calls that take long.
    ///
    /// # Errors
    /// When nothing listens there.
    pub fn connect_patiently(address: SocketAddr, patience: Duration) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        Ok(Self { stream, input: Vec::new() })
    }

    /// Gets a JSON value.
    pub fn get<T: DeserializeOwned>(&mut self, path: &str) -> anyhow::Result<T> {
        self.exchange(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes(), |reply| {
            ensure!(reply.status == 200, "GET {path} answered {reply}");
            Ok(serde_json::from_slice(reply.body)?)
        })
    }

    /// The status alone.
    pub fn status(&mut self, path: &str) -> anyhow::Result<u16> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.exchange(request.as_bytes(), |reply| Ok(reply.status))
    }

    /// Sends a request made by [`post`], which must succeed.
    pub fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.exchange(request, |reply| {
            ensure!((200..300).contains(&reply.status), "a request was answered by {reply}");
            Ok(())
        })
    }

    /// Sends a request and hands its answer, whatever it is, to `read`.
    ///
    /// # Errors
    /// When no whole answer comes, and those of `read`.
    pub fn exchange<T>(
        &mut self,
        request: &[u8],
        read: impl FnOnce(&Reply<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        self.stream.write_all(request)?;
        self.input.clear();
        let mut chunk = vec![0; READ_BYTES];
        loop {
            match self.stream.read(&mut chunk).context("read an answer")? {
                0 => bail!("the connection was closed before an answer came"),
                length => self.input.extend_from_slice(&chunk[..length]),
            }
            if let Some(reply) = Reply::parse(&self.input)? {
                return read(&reply);
            }
        }
    }
}
