//! Streams into objects.

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use object_store::path::Path;
use object_store::{
    MultipartUpload, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutResult, Result, WriteMultipart,
};

/// Bytes that are gathered before a put becomes an upload in parts; S3 asks for parts of at least 5 MiB.
const PART_BYTES: usize = 8 << 20;
/// Parts in flight. Memory of one put is bounded by `(PARTS_IN_FLIGHT + 1) * PART_BYTES`.
const PARTS_IN_FLIGHT: usize = 2;

/// Why a streamed put failed; nothing is stored then.
#[derive(Debug, thiserror::Error)]
pub enum UploadError<E: std::error::Error + 'static> {
    /// The stream of bytes failed.
    #[error("receiving the object")]
    Source(#[source] E),
    /// The stream holds more than the `limit` of bytes.
    #[error("the object is larger than {limit} bytes")]
    TooLarge {
        /// The bound that was exceeded.
        limit: u64,
    },
    /// The store failed, or the condition of the put does not hold.
    #[error("storing the object")]
    Store(#[from] object_store::Error),
}

/// Stores all bytes of `source` as the object at `location`, if `mode` lets it and there are at most `limit` of them.
/// Durable on return. An error, or dropping the future, leaves the object as it was and no trace.
///
/// # Errors
/// See [`UploadError`].
pub async fn put_stream<E: std::error::Error + 'static>(
    store: &dyn ObjectStore,
    location: &Path,
    source: impl Stream<Item = Result<Bytes, E>> + Send,
    mode: PutMode,
    limit: u64,
) -> Result<PutResult, UploadError<E>> {
    let mut source = std::pin::pin!(source);
    let mut received: u64 = 0;
    let mut head = BytesMut::new();
    let mut upload: Option<WriteMultipart> = None;
    while let Some(chunk) = source.next().await {
        let failure = match chunk {
            Err(error) => Some(UploadError::Source(error)),
            Ok(chunk) => {
                received += chunk.len() as u64;
                if received > limit {
                    Some(UploadError::TooLarge { limit })
                } else {
                    accept(store, location, &mode, &mut head, &mut upload, chunk)
                        .await
                        .err()
                        .map(UploadError::Store)
                }
            }
        };
        if let Some(failure) = failure {
            abort(upload).await;
            return Err(failure);
        }
    }
    match upload {
        None => Ok(store.put_opts(location, head.freeze().into(), PutOptions::from(mode)).await?),
        Some(upload) => Ok(upload.finish().await?),
    }
}

/// Gathers bytes until they are worth a part, then starts the upload and passes on everything.
async fn accept(
    store: &dyn ObjectStore,
    location: &Path,
    mode: &PutMode,
    head: &mut BytesMut,
    upload: &mut Option<WriteMultipart>,
    chunk: Bytes,
) -> Result<()> {
    if let Some(upload) = upload {
        upload.wait_for_capacity(PARTS_IN_FLIGHT).await?;
        upload.put(chunk);
        return Ok(());
    }
    head.extend_from_slice(&chunk);
    if head.len() >= PART_BYTES {
        let mut writer = WriteMultipart::new_with_chunk_size(start(store, location, mode).await?, PART_BYTES);
        writer.put(head.split().freeze());
        *upload = Some(writer);
    }
    Ok(())
}

/// `object_store` has no conditional uploads in parts; [`crate::LocalStore`] takes the condition from the extensions,
/// and the S3 store refuses what it cannot promise.
async fn start(store: &dyn ObjectStore, location: &Path, mode: &PutMode) -> Result<Box<dyn MultipartUpload>> {
    let mut options = PutMultipartOptions::default();
    options.extensions.insert(mode.clone());
    store.put_multipart_opts(location, options).await
}

async fn abort(upload: Option<WriteMultipart>) {
    if let Some(upload) = upload
        && let Err(error) = upload.abort().await
    {
        tracing::warn!(%error, "an upload could not be aborted; its parts remain until the store expires them");
    }
}
