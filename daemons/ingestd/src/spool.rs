//! A body on its way to disk: decompressed, measured, hashed, bounded; never whole in memory.
//!
//! Spooling first lets a body be read twice (types, then rows), and answers a repeated `Idempotency-Key` before
//! anything is written. Nothing here needs to be durable.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

/// Chunks between the network and the disk.
const CHUNKS_IN_FLIGHT: usize = 8;
/// Up to here a gzip body may expand at any ratio.
const FREE_EXPANSION_BYTES: u64 = 64 << 20;
/// Beyond that, more than this is a bomb: text compresses 3 to 30 times, DEFLATE at most 1,032 times.
const MAX_EXPANSION: u64 = 250;

/// How the body is encoded on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
}

/// Why a body could not be spooled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// The caller stopped sending.
    #[error("the body ended early: {0}")]
    Interrupted(String),
    /// It does not decompress.
    #[error("the body is not valid gzip: {0}")]
    NotGzip(io::Error),
    /// It is larger than the limit, in bytes.
    #[error("the body has more than {0} bytes")]
    TooLarge(u64),
    /// It expands as only a gzip bomb does.
    #[error("the body expands more than {MAX_EXPANSION} times")]
    Bomb,
    /// This machine's disk failed.
    #[error("write the body to the spool")]
    Io(#[source] io::Error),
}

/// A body on disk; deleted when dropped.
#[derive(Debug)]
pub(crate) struct Spool {
    file: NamedTempFile,
    /// SHA-256 of the body as it was sent.
    pub sha256: [u8; 32],
}

impl Spool {
    /// Receives `body` into a file in `folder`, at most `max_bytes` after decompression.
    ///
    /// # Errors
    /// Any [`SpoolError`].
    pub(crate) async fn receive<S, E>(
        mut body: S,
        encoding: Encoding,
        folder: &Path,
        max_bytes: u64,
    ) -> Result<Self, SpoolError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let file = NamedTempFile::new_in(folder).map_err(SpoolError::Io)?;
        let output = Output { file: file.reopen().map_err(SpoolError::Io)?, written: 0, max_bytes };
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let writing = tokio::task::spawn_blocking(move || write(receiver, encoding, output));
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| SpoolError::Interrupted(error.to_string()))?;
            if sender.send(chunk).await.is_err() {
                break; // The writer has failed and says why.
            }
        }
        drop(sender);
        let sha256 = writing.await.map_err(|error| SpoolError::Io(io::Error::other(error)))??;
        Ok(Self { file, sha256 })
    }

    /// The body from its beginning.
    ///
    /// # Errors
    /// When the file cannot be opened again.
    pub(crate) fn open(&self) -> io::Result<File> {
        self.file.reopen()
    }
}

fn write(
    mut chunks: mpsc::Receiver<Bytes>,
    encoding: Encoding,
    output: Output,
) -> Result<[u8; 32], SpoolError> {
    let mut hash = Sha256::new();
    let max_bytes = output.max_bytes;
    let fault = |error| into_spool_error(error, max_bytes);
    match encoding {
        Encoding::Identity => {
            let mut output = output;
            while let Some(chunk) = chunks.blocking_recv() {
                hash.update(&chunk);
                output.write_all(&chunk).map_err(fault)?;
            }
        }
        Encoding::Gzip => {
            let mut decoder = MultiGzDecoder::new(output);
            let mut received = 0;
            while let Some(chunk) = chunks.blocking_recv() {
                hash.update(&chunk);
                decoder.write_all(&chunk).map_err(fault)?;
                received += chunk.len() as u64;
                let expanded = decoder.get_ref().written;
                if expanded > FREE_EXPANSION_BYTES && expanded / received > MAX_EXPANSION {
                    return Err(SpoolError::Bomb);
                }
            }
            decoder.try_finish().map_err(fault)?;
        }
    }
    Ok(hash.finalize().into())
}

/// The spool file with its bound.
struct Output {
    file: File,
    written: u64,
    max_bytes: u64,
}

/// Marks the error of an [`Output`] that is full.
#[derive(Debug, thiserror::Error)]
#[error("too large")]
struct Full;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written + bytes.len() as u64 > self.max_bytes {
            return Err(io::Error::other(Full));
        }
        let written = self.file.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tells a full spool and a failing disk from a body that does not decompress.
fn into_spool_error(error: io::Error, max_bytes: u64) -> SpoolError {
    if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Full>) {
        SpoolError::TooLarge(max_bytes)
    } else if error.raw_os_error().is_some() {
        SpoolError::Io(error)
    } else {
        SpoolError::NotGzip(error)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Read;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    async fn receive(body: &[u8], encoding: Encoding, max_bytes: u64) -> Result<Spool, SpoolError> {
        let folder = tempfile::tempdir().unwrap();
        let chunks: Vec<_> =
            body.chunks(1 << 16).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
        Spool::receive(futures::stream::iter(chunks), encoding, folder.path(), max_bytes).await
    }

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    fn content(spool: &Spool) -> Vec<u8> {
        let mut content = Vec::new();
        spool.open().unwrap().read_to_end(&mut content).unwrap();
        content
    }

    #[tokio::test]
    async fn body_is_kept_as_sent_and_can_be_read_twice() {
        let folder = tempfile::tempdir().unwrap();
        let body = futures::stream::iter([
            Ok::<_, Infallible>(Bytes::from_static(b"a,b\n")),
            Ok(Bytes::from_static(b"1,2\n")),
        ]);
        let spool = Spool::receive(body, Encoding::Identity, folder.path(), 100).await.unwrap();
        for _ in 0..2 {
            assert_eq!(content(&spool), b"a,b\n1,2\n");
        }
        assert_eq!(spool.sha256, <[u8; 32]>::from(Sha256::digest(b"a,b\n1,2\n")));
        drop(spool);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn gzip_body_is_decompressed() {
        let folder = tempfile::tempdir().unwrap();
        let body = futures::stream::iter([Ok::<_, Infallible>(Bytes::from(gzip(b"a\n1\n")))]);
        let spool = Spool::receive(body, Encoding::Gzip, folder.path(), 100).await.unwrap();
        assert_eq!(content(&spool), b"a\n1\n");
    }

    #[tokio::test]
    async fn damaged_or_truncated_gzip_is_refused() {
        let whole = gzip(&b"some text that is long enough".repeat(100));
        for body in [&b"plain text"[..], &whole[..whole.len() / 2], &whole[..whole.len() - 1], b""] {
            let error = receive(body, Encoding::Gzip, 1 << 20).await.unwrap_err();
            assert!(matches!(error, SpoolError::NotGzip(_)), "{error:?} for {} bytes", body.len());
        }
    }

    #[tokio::test]
    async fn body_beyond_the_limit_is_refused_compressed_or_not() {
        let body = vec![b'x'; 1 << 20];
        assert!(matches!(receive(&body, Encoding::Identity, 1 << 10).await, Err(SpoolError::TooLarge(1024))));
        assert!(matches!(
            receive(&gzip(&body), Encoding::Gzip, 1 << 10).await,
            Err(SpoolError::TooLarge(1024))
        ));
    }

    #[tokio::test]
    async fn gzip_bomb_is_refused_long_before_the_limit() {
        let bomb = gzip(&vec![0; 200 << 20]);
        assert!(matches!(receive(&bomb, Encoding::Gzip, 1 << 40).await, Err(SpoolError::Bomb)));
    }

    #[tokio::test]
    async fn body_that_breaks_off_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let body = futures::stream::iter([Ok(Bytes::from_static(b"a\n")), Err("connection reset")]);
        let error = Spool::receive(body, Encoding::Identity, folder.path(), 100).await.unwrap_err();
        assert!(matches!(error, SpoolError::Interrupted(_)));
    }
}
