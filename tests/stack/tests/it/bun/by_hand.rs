//! A gateway and a caller that say what a test tells them to, byte by byte.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// How long anything may be waited for, on a machine that is busy compiling.
const PATIENCE: Duration = Duration::from_secs(60);

/// In the place of the gateway.
pub(super) struct Upstream(TcpListener);

impl Upstream {
    pub(super) async fn start() -> anyhow::Result<Self> {
        Ok(Self(TcpListener::bind("127.0.0.1:0").await?))
    }

    pub(super) fn url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.0.local_addr()?))
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> anyhow::Result<Line> {
        let (stream, _) = timeout(PATIENCE, self.0.accept()).await.context("nobody connected")??;
        Ok(Line { stream, unread: Vec::new() })
    }
}

/// One end of a connection.
pub(super) struct Line {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Line {
    /// As a caller.
    pub(super) async fn connect(address: &str) -> anyhow::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await?, unread: Vec::new() })
    }

    pub(super) async fn say(&mut self, text: impl AsRef<[u8]>) -> anyhow::Result<()> {
        timeout(PATIENCE, self.stream.write_all(text.as_ref())).await.context("it is not read")??;
        Ok(())
    }

    /// Reads up to and including `end`.
    pub(super) async fn hear(&mut self, end: &str) -> anyhow::Result<String> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|bytes| bytes == end.as_bytes()) {
                let heard = self.unread.drain(..at + end.len()).collect();
                return Ok(String::from_utf8(heard)?);
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
            let seen = || format!("{end:?} is awaited, heard is {:?}", String::from_utf8_lossy(&self.unread));
            ensure!(read.with_context(seen)?? > 0, "the connection ended: {}", seen());
        }
    }

    /// Reads and forgets `count` bytes.
    pub(super) async fn skip(&mut self, count: usize) -> anyhow::Result<()> {
        let mut left = count.checked_sub(self.unread.len()).context("more than that has been read")?;
        self.unread.clear();
        let mut room = vec![0; 1 << 20];
        while left > 0 {
            let until = left.min(room.len());
            match timeout(PATIENCE, self.stream.read(&mut room[..until])).await.context("nothing comes")?? {
                0 => bail!("it ended {left} bytes too early"),
                read => left -= read,
            }
        }
        Ok(())
    }

    /// Waits until the other side has closed or reset the connection; what it has said until then.
    pub(super) async fn ends(&mut self) -> anyhow::Result<String> {
        let end = async { while self.stream.read_buf(&mut self.unread).await.is_ok_and(|read| read > 0) {} };
        timeout(PATIENCE, end).await.context("the connection is still open")?;
        Ok(String::from_utf8(std::mem::take(&mut self.unread))?)
    }
}
