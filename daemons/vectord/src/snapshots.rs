//! Indexes to and from objects of storaged, by way of an unnamed file: the engine blocks, and the network is slow.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

use client::Storaged;
use futures::TryStreamExt;
use jiff::Timestamp;
use service::{ApiError, Result};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;
use vector_index::{Error, Exported, Info};
use wire::CallContext;
use wire::snapshots::{RestoreSnapshot, Snapshot, TakeSnapshot};

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
    pub(crate) async fn take(&self, ctx: &CallContext, name: String, request: TakeSnapshot) -> Result<Snapshot> {
        let key = request.key.unwrap_or_else(|| default_key(&name, Timestamp::now()));
        let (file, Exported { version, count, bytes }) = self.export(name.clone()).await?;
        let body = ReaderStream::with_capacity(tokio::fs::File::from_std(file), CHUNK_BYTES);
        self.storaged.put_stream(ctx, &key, body).await?;
        Ok(Snapshot { index: name, key, bytes, count, version })
    }

    async fn export(&self, name: String) -> Result<(File, Exported)> {
        let mut file = self.unnamed_file()?;
        Arc::clone(&self.indexes)
            .run(move |store| {
                let index = store.get(&name)?;
                let mut out = BufWriter::with_capacity(CHUNK_BYTES, &file);
                let exported = index.export(&mut out)?;
                let rewound = out.flush().and_then(|()| {
                    drop(out);
                    file.rewind()
                });
                rewound.map_err(|cause| Error::io("write a snapshot of", index.folder(), cause))?;
                Ok((file, exported))
            })
            .await
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
            file.write_all(&chunk).await.map_err(ApiError::internal)?;
        }
        file.flush().await.map_err(ApiError::internal)?;
        let mut file = file.into_std().await;
        Arc::clone(&self.indexes)
            .run(move |store| {
                file.rewind().map_err(|cause| Error::io("read a snapshot for", store.root(), cause))?;
                store.import(&name, &mut BufReader::with_capacity(CHUNK_BYTES, file))
            })
            .await
    }

    fn unnamed_file(&self) -> Result<File> {
        let file = fs::create_dir_all(&self.folder).and_then(|()| tempfile::tempfile_in(&self.folder));
        file.map_err(ApiError::internal)
    }
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
        assert_eq!(at(1_795_000_000), "snapshots/workers/20261118T074640Z.lhvec");
        assert!(at(1_795_000_000) < at(1_795_000_001));
    }
}
