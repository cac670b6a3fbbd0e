//! [`LocalStore`] as an [`ObjectStore`]: each call does its file work on the blocking pool.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart,
};

use super::list::{Walk, list_one_level, object_meta};
use super::staging::Staged;
use super::{Inner, LocalStore};
use crate::error::{IoContext, IoError};

/// Deletes in flight in one delete stream.
const DELETE_CONCURRENCY: usize = 8;

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        refuse_attributes("put_opts", &opts.attributes)?;
        let location = location.clone();
        self.blocking(move |store| {
            store.file(&location)?;
            let staged = store.staging.create()?;
            let mut offset = 0;
            for chunk in &payload {
                staged.write_at(chunk, offset)?;
                offset += chunk.len() as u64;
            }
            store.publish(staged, &location, &opts.mode)
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        refuse_attributes("put_multipart_opts", &opts.attributes)?;
        let mode = opts.extensions.get::<PutMode>().cloned().unwrap_or_default();
        let path = location.clone();
        let staged = self
            .blocking(move |store| {
                store.file(&path)?;
                Ok(store.staging.create()?)
            })
            .await?;
        Ok(Box::new(Upload {
            store: self.clone(),
            location: location.clone(),
            mode,
            staged: Some(Arc::new(staged)),
            size: AtomicU64::new(0),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let location = location.clone();
        self.blocking(move |store| {
            let (file, path) = open_object(store, &location)?;
            let metadata = file.metadata().context("reading", &path)?;
            let meta = object_meta(location, &metadata).context("reading", &path)?;
            options.check_preconditions(&meta)?;
            let range = match options.range {
                Some(range) => range
                    .as_range(meta.size)
                    .map_err(|source| Error::Generic { store: "LocalStore", source: source.into() })?,
                None => 0..meta.size,
            };
            let payload = GetResultPayload::File(file, path);
            Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
        })
        .await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let (location, ranges) = (location.clone(), ranges.to_vec());
        self.blocking(move |store| {
            let (file, path) = open_object(store, &location)?;
            let read = |range: Range<u64>| {
                let mut bytes =
                    vec![0; usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX)];
                file.read_exact_at(&mut bytes, range.start).context("reading", &path)?;
                Ok(Bytes::from(bytes))
            };
            ranges.into_iter().map(read).collect()
        })
        .await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        locations
            .map(move |location| {
                let store = store.clone();
                async move {
                    let location = location?;
                    store.blocking(move |store| store.delete(&location).map(|()| location)).await
                }
            })
            .buffered(DELETE_CONCURRENCY)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.walk(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.walk(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let prefix = prefix.cloned().unwrap_or_default();
        self.blocking(move |store| {
            let folder = store.folder(&prefix)?;
            let empty = ListResult { common_prefixes: Vec::new(), objects: Vec::new() };
            Ok(folder.map_or(Ok(empty), |folder| list_one_level(&folder, &prefix))?)
        })
        .await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (from, to) = (from.clone(), to.clone());
        let mode = match options.mode {
            CopyMode::Overwrite => PutMode::Overwrite,
            CopyMode::Create => PutMode::Create,
        };
        self.blocking(move |store| {
            let (mut source, _) = open_object(store, &from)?;
            let staged = store.staging.create()?;
            staged.fill_from(&mut source)?;
            store.publish(staged, &to, &mode).map(drop)
        })
        .await
    }
}

impl LocalStore {
    /// Runs file work where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&store)).await?
    }

    fn walk(&self, prefix: Option<&Path>, after: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (prefix, after) = (prefix.cloned().unwrap_or_default(), after.cloned());
        let store = self.clone();
        stream::once(async move {
            let walk = store.blocking(move |store| {
                let folder = store.folder(&prefix)?;
                Ok(folder.map(|folder| Walk::new(&folder, &prefix, after.as_ref())).transpose()?)
            });
            Ok::<_, Error>(walk.await?.map_or_else(|| stream::empty().boxed(), Walk::into_stream))
        })
        .try_flatten()
        .boxed()
    }
}

/// Opens the file of an object; a folder is no object.
fn open_object(store: &Inner, location: &Path) -> Result<(File, PathBuf)> {
    let path = store.file(location)?;
    let file = File::open(&path).context("opening", &path)?;
    if file.metadata().context("reading", &path)?.is_file() {
        return Ok((file, path));
    }
    Err(Error::NotFound { path: location.to_string(), source: "it is a folder".into() })
}

/// Attributes such as a content type have no place in a file; to drop them in silence would be a lie.
fn refuse_attributes(operation: &str, attributes: &Attributes) -> Result<()> {
    if attributes.is_empty() {
        return Ok(());
    }
    let operation = format!("{operation} with attributes");
    Err(Error::NotImplemented { operation, implementer: "LocalStore".to_owned() })
}

/// An upload in parts, each written where it belongs as it arrives.
#[derive(Debug)]
struct Upload {
    store: LocalStore,
    location: Path,
    mode: PutMode,
    /// `None` once completed or aborted. Parts in flight share it.
    staged: Option<Arc<Staged>>,
    size: AtomicU64,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let offset = self.size.fetch_add(data.content_length() as u64, Ordering::Relaxed);
        let staged = self.staged.clone();
        Box::pin(async move {
            let staged = staged.ok_or_else(ended)?;
            let write = move || {
                let mut offset = offset;
                for chunk in &data {
                    staged.write_at(chunk, offset)?;
                    offset += chunk.len() as u64;
                }
                Ok::<_, IoError>(())
            };
            Ok(tokio::task::spawn_blocking(write).await??)
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self.staged.take().and_then(Arc::into_inner).ok_or_else(ended)?;
        let (location, mode) = (self.location.clone(), self.mode.clone());
        self.store.blocking(move |store| store.publish(staged, &location, &mode)).await
    }

    /// Also after a failed `complete`, which has removed the staging file: `WriteMultipart::finish` aborts then, and
    /// would report an error from here in place of the cause.
    async fn abort(&mut self) -> Result<()> {
        self.staged = None;
        Ok(())
    }
}

fn ended() -> Error {
    Error::Generic { store: "LocalStore", source: "the upload has ended, or has parts in flight".into() }
}
