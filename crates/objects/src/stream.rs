//! Objects as streams of useful chunks.

use std::fs::File;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::{GetResult, GetResultPayload, Result};

use crate::error::{IoContext, IoError};

/// `object_store` reads files in chunks of 8 KiB, each a hop to the blocking pool; 256 KiB costs a 32nd of the hops.
const CHUNK_BYTES: usize = 256 << 10;

/// The bytes of an answered get, in order; memory is bounded by one chunk.
pub fn into_stream(result: GetResult) -> BoxStream<'static, Result<Bytes>> {
    let range = result.range.clone();
    match result.payload {
        GetResultPayload::File(file, path) => stream::try_unfold((file, range), move |(file, range)| {
            let path = path.clone();
            async move {
                if range.is_empty() {
                    return Ok(None);
                }
                tokio::task::spawn_blocking(move || {
                    let chunk = read_chunk(&file, range.start, range.end).context("reading", &path)?;
                    let rest = range.start + chunk.len() as u64..range.end;
                    Ok::<_, IoError>(Some((chunk, (file, rest))))
                })
                .await?
                .map_err(object_store::Error::from)
            }
        })
        .boxed(),
        GetResultPayload::Stream(stream) => stream,
    }
}

fn read_chunk(file: &File, start: u64, end: u64) -> std::io::Result<Bytes> {
    let len = usize::try_from(end - start).map_or(CHUNK_BYTES, |len| len.min(CHUNK_BYTES));
    let mut buffer = vec![0; len];
    file.read_exact_at(&mut buffer, start)?;
    Ok(buffer.into())
}
