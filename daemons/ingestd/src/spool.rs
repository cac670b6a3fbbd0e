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
use zstd::stream::raw::{self, DParameter, Operation};

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
    /// RFC 8878.
    Zstd,
}

impl Encoding {
    fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Why a body could not be spooled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// The caller stopped sending.
    #[error("the body ended early: {0}")]
    Interrupted(String),
    /// It does not decompress.
    #[error("the body is not valid {0}: {1}")]
    Damaged(&'static str, io::Error),
    /// It is larger than the limit, in bytes.
    #[error("the body has more than {0} bytes")]
    TooLarge(u64),
    /// It expands as only a bomb does.
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
    /// Size after decompression.
    pub bytes: u64,
    /// SHA-256 of the body as it was sent, if it was asked for.
    pub sha256: Option<[u8; 32]>,
}

impl Spool {
    /// Receives `body` into a file in `folder`, at most `max_bytes` after decompression. To hash it takes as long as to
    /// write it, so that is done only where somebody will ask for it.
    ///
    /// # Errors
    /// Any [`SpoolError`].
    pub(crate) async fn receive<S, E>(
        mut body: S,
        encoding: Encoding,
        folder: &Path,
        max_bytes: u64,
        is_hashed: bool,
    ) -> Result<Self, SpoolError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: std::fmt::Display,
    {
        let file = NamedTempFile::new_in(folder).map_err(SpoolError::Io)?;
        let output = Output { file: file.reopen().map_err(SpoolError::Io)?, written: 0, max_bytes };
        let (sender, receiver) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let writing = tokio::task::spawn_blocking(move || write(receiver, encoding, output, is_hashed));
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| SpoolError::Interrupted(error.to_string()))?;
            if sender.send(chunk).await.is_err() {
                break; // The writer has failed and says why.
            }
        }
        drop(sender);
        let (bytes, sha256) = writing.await.map_err(|error| SpoolError::Io(io::Error::other(error)))??;
        Ok(Self { file, bytes, sha256 })
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
    is_hashed: bool,
) -> Result<(u64, Option<[u8; 32]>), SpoolError> {
    let (mut hash, mut received) = (is_hashed.then(Sha256::new), 0);
    let max_bytes = output.max_bytes;
    let fault = |error| into_spool_error(error, encoding, max_bytes);
    let mut decoder = Decoder::new(encoding, output).map_err(fault)?;
    while let Some(chunk) = chunks.blocking_recv() {
        if let Some(hash) = &mut hash {
            hash.update(&chunk);
        }
        decoder.write(&chunk).map_err(fault)?;
        received += chunk.len() as u64;
        let expanded = decoder.output().written;
        if expanded > FREE_EXPANSION_BYTES && expanded / received > MAX_EXPANSION {
            return Err(SpoolError::Bomb);
        }
    }
    let bytes = decoder.finish().map_err(fault)?;
    Ok((bytes, hash.map(|hash| hash.finalize().into())))
}

/// Decompresses on the way into the spool.
enum Decoder {
    Identity(Output),
    Gzip(Box<MultiGzDecoder<Output>>),
    Zstd { frames: raw::Decoder<'static>, is_complete: bool, buffer: Box<[u8]>, output: Output },
}

/// A frame that needs a larger window is refused: 128 MiB, what `zstd --long` asks for.
const MAX_ZSTD_WINDOW_LOG: u32 = 27;
const ZSTD_BUFFER_BYTES: usize = 128 << 10;

impl Decoder {
    fn new(encoding: Encoding, output: Output) -> io::Result<Self> {
        Ok(match encoding {
            Encoding::Identity => Self::Identity(output),
            Encoding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(output))),
            Encoding::Zstd => {
                let mut frames = raw::Decoder::new()?;
                frames.set_parameter(DParameter::WindowLogMax(MAX_ZSTD_WINDOW_LOG))?;
                let buffer = vec![0; ZSTD_BUFFER_BYTES].into_boxed_slice();
                Self::Zstd { frames, is_complete: false, buffer, output }
            }
        })
    }

    fn output(&self) -> &Output {
        match self {
            Self::Identity(output) | Self::Zstd { output, .. } => output,
            Self::Gzip(decoder) => decoder.get_ref(),
        }
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        match self {
            Self::Identity(output) => output.write_all(chunk),
            Self::Gzip(decoder) => decoder.write_all(chunk),
            Self::Zstd { frames, is_complete, buffer, output } => {
                let mut input = raw::InBuffer::around(chunk);
                loop {
                    let mut decoded = raw::OutBuffer::around(&mut buffer[..]);
                    // Zero: a frame has ended, and what follows is another.
                    *is_complete = frames.run(&mut input, &mut decoded)? == 0;
                    let is_full = decoded.pos() == ZSTD_BUFFER_BYTES;
                    let length = decoded.pos();
                    output.write_all(&buffer[..length])?;
                    if input.pos() == chunk.len() && (*is_complete || !is_full) {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// To be called after the last byte: a body that breaks off within a frame is an error. Returns the bytes written.
    fn finish(mut self) -> io::Result<u64> {
        match &mut self {
            Self::Gzip(decoder) => decoder.try_finish()?,
            Self::Zstd { is_complete: false, .. } => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends within a frame"));
            }
            Self::Identity(_) | Self::Zstd { .. } => {}
        }
        Ok(self.output().written)
    }
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
fn into_spool_error(error: io::Error, encoding: Encoding, max_bytes: u64) -> SpoolError {
    if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Full>) {
        SpoolError::TooLarge(max_bytes)
    } else if error.raw_os_error().is_some() {
        SpoolError::Io(error)
    } else {
        SpoolError::Damaged(encoding.as_str(), error)
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
        Spool::receive(futures::stream::iter(chunks), encoding, folder.path(), max_bytes, false).await
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
        let spool = Spool::receive(body, Encoding::Identity, folder.path(), 100, true).await.unwrap();
        for _ in 0..2 {
            assert_eq!(content(&spool), b"a,b\n1,2\n");
        }
        assert_eq!(spool.sha256, Some(Sha256::digest(b"a,b\n1,2\n").into()));
        drop(spool);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn gzip_body_is_decompressed() {
        let folder = tempfile::tempdir().unwrap();
        let body = futures::stream::iter([Ok::<_, Infallible>(Bytes::from(gzip(b"a\n1\n")))]);
        let spool = Spool::receive(body, Encoding::Gzip, folder.path(), 100, true).await.unwrap();
        assert_eq!(content(&spool), b"a\n1\n");
    }

    fn zstd(body: &[u8]) -> Vec<u8> {
        zstd::encode_all(body, 3).unwrap()
    }

    #[tokio::test]
    async fn zstd_body_of_several_frames_is_decompressed_wherever_it_is_cut() {
        let long: Vec<u8> =
            (0..1_000_000_u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 9).to_le_bytes()).collect();
        let body = [zstd(b"a\n"), zstd(&long), zstd(b"")].concat();
        let expected = [&b"a\n"[..], &long].concat();
        for size in [1000, 65_537, body.len()] {
            let folder = tempfile::tempdir().unwrap();
            let chunks: Vec<_> =
                body.chunks(size).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
            let chunks = futures::stream::iter(chunks);
            let spool = Spool::receive(chunks, Encoding::Zstd, folder.path(), 1 << 30, true).await.unwrap();
            assert!(content(&spool) == expected, "cut into pieces of {size}");
        }
    }

    #[tokio::test]
    async fn damaged_or_truncated_body_is_refused() {
        let text = b"some text that is long enough".repeat(100);
        for (encoding, whole) in [(Encoding::Gzip, gzip(&text)), (Encoding::Zstd, zstd(&text))] {
            for body in [&b"plain text"[..], &whole[..whole.len() / 2], &whole[..whole.len() - 1], b""] {
                let error = receive(body, encoding, 1 << 20).await.unwrap_err();
                assert!(matches!(error, SpoolError::Damaged(..)), "{error:?} for {} bytes", body.len());
            }
        }
    }

    #[tokio::test]
    async fn body_beyond_the_limit_is_refused_compressed_or_not() {
        let body = vec![b'x'; 1 << 20];
        assert!(matches!(receive(&body, Encoding::Identity, 1 << 10).await, Err(SpoolError::TooLarge(1024))));
        for (encoding, body) in [(Encoding::Gzip, gzip(&body)), (Encoding::Zstd, zstd(&body))] {
            assert!(matches!(receive(&body, encoding, 1 << 10).await, Err(SpoolError::TooLarge(1024))));
        }
    }

    #[tokio::test]
    async fn bomb_is_refused_long_before_the_limit() {
        let zeros = vec![0; 200 << 20];
        for (encoding, bomb) in [(Encoding::Gzip, gzip(&zeros)), (Encoding::Zstd, zstd(&zeros))] {
            assert!(matches!(receive(&bomb, encoding, 1 << 40).await, Err(SpoolError::Bomb)));
        }
    }

    #[tokio::test]
    async fn body_that_breaks_off_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let body = futures::stream::iter([Ok(Bytes::from_static(b"a\n")), Err("connection reset")]);
        let error = Spool::receive(body, Encoding::Identity, folder.path(), 100, true).await.unwrap_err();
        assert!(matches!(error, SpoolError::Interrupted(_)));
    }
}
