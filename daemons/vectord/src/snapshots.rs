//! Indexes to and from objects of storaged, by way of an unnamed file: the engine blocks, and the network is slow.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

use client::Storaged;
use futures::TryStreamExt;
use jiff::Timestamp;
use service::{ApiError, Result};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio_util::io::ReaderStream;
use vector_index::{Exported, Info, Store};
use wire::snapshots::{RestoreSnapshot, Snapshot, TakeSnapshot};
use wire::{CallContext, ErrorCode};

use crate::indexes::Indexes;

/// How much of a file is in memory on its way.
const CHUNK_BYTES: usize = 256 << 10;

/// Takes snapshots and restores them.
pub(crate) struct Snapshots {
    indexes: Arc<Indexes>,
    storaged: Storaged,
    /// Where the unnamed files are: on the disk of the indexes, which they may be as large as.
    folder: PathBuf,
}

impl Snapshots {
    pub(crate) fn new(indexes: Arc<Indexes>, storaged: Storaged, folder: PathBuf) -> Self {
        Self { indexes, storaged, folder }
    }

    /// Writes an index, as it is now, to an object.
    pub(crate) async fn take(
        &self,
        ctx: &CallContext,
        name: String,
        request: TakeSnapshot,
    ) -> Result<Snapshot> {
        let key = request.key.unwrap_or_else(|| default_key(&name, Timestamp::now()));
        let (file, Exported { version, count, bytes }) = self.export(name.clone()).await?;
        let body = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK_BYTES);
        self.storaged.put_stream(ctx, &key, body).await?;
        Ok(Snapshot { index: name, key, bytes, count, version })
    }

    async fn export(&self, name: String) -> Result<(File, Exported)> {
        let file = self.unnamed_file()?;
        let work = move |store: &Store| {
            let mut out = BufWriter::with_capacity(CHUNK_BYTES, file);
            let exported = store.get(&name)?.export(&mut out)?;
            Ok((rewound(out), exported))
        };
        let (file, exported) = Arc::clone(&self.indexes).run(work).await?;
        Ok((file.map_err(file_error)?, exported))
    }

    /// Makes an index of an object that [`Snapshots::take`] has written, here or elsewhere.
    pub(crate) async fn restore(
        &self,
        ctx: &CallContext,
        name: String,
        request: RestoreSnapshot,
    ) -> Result<Info> {
        let mut file = tokio::fs::File::from_std(self.unnamed_file()?);
        let mut object = std::pin::pin!(self.storaged.get_stream(ctx, &request.key).await?);
        while let Some(chunk) = object.try_next().await? {
            file.write_all(&chunk).await.map_err(file_error)?;
        }
        file.rewind().await.map_err(file_error)?;
        let file = file.into_std().await;
        let restored = name.clone();
        let work = move |store: &Store| store.import(&name, &mut BufReader::with_capacity(CHUNK_BYTES, file));
        Arc::clone(&self.indexes).change(&restored, work).await
    }

    fn unnamed_file(&self) -> Result<File> {
        let file = fs::create_dir_all(&self.folder).and_then(|()| tempfile::tempfile_in(&self.folder));
        file.map_err(file_error)
    }
}

fn rewound(mut out: BufWriter<File>) -> io::Result<File> {
    out.flush()?;
    let mut file = out.into_inner()?;
    file.rewind()?;
    Ok(file)
}

fn file_error(cause: io::Error) -> ApiError {
    if cause.kind() == io::ErrorKind::StorageFull {
        let detail = "no space left for the copy that is made on the way: nothing was changed";
        return ApiError::new(ErrorCode::InsufficientStorage, detail);
    }
    ApiError::internal(cause)
}

/// Keys of one index lie together and in the order of time.
fn default_key(name: &str, now: Timestamp) -> String {
    format!("snapshots/{name}/{}.lhvec", now.strftime("%Y%m%dT%H%M%SZ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_of_an_index_sort_by_time() {
        let at = |second| default_key("workers", Timestamp::from_second(second).unwrap());
        assert_eq!(at(1_795_000_000), "snapshots/workers/20261118T110640Z.lhvec");
        assert!(at(1_795_000_000) < at(1_795_000_001));
    }
}
