//! [`Warehouse`] as the storage of the `iceberg` crate, without `opendal`: every write is one durable, atomic put.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use iceberg::io::{
    FileMetadata, FileRead, FileWrite, InputFile, OutputFile, Storage, StorageConfig, StorageFactory,
};
use iceberg::{Error, ErrorKind, Result};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::io::AsyncWriteExt;

use super::{BUCKET, Warehouse};

/// Bytes that a data file gathers before it begins a part of a multipart upload; S3 asks for at least 5 MiB.
const PART_BYTES: usize = 8 << 20;
/// Parts in flight; bounds a writer's memory to `(PARTS_IN_FLIGHT + 1) * PART_BYTES`.
const PARTS_IN_FLIGHT: usize = 2;

#[typetag::serde]
impl StorageFactory for Warehouse {
    fn build(&self, _config: &StorageConfig) -> Result<Arc<dyn Storage>> {
        Ok(Arc::new(self.clone()))
    }
}

#[async_trait]
#[typetag::serde]
impl Storage for Warehouse {
    async fn exists(&self, path: &str) -> Result<bool> {
        match self.store.head(&self.path(path)?).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(storage_error(error)),
        }
    }

    async fn metadata(&self, path: &str) -> Result<FileMetadata> {
        let meta = self.store.head(&self.path(path)?).await.map_err(storage_error)?;
        Ok(FileMetadata { size: meta.size })
    }

    async fn read(&self, path: &str) -> Result<Bytes> {
        let object = self.store.get(&self.path(path)?).await.map_err(storage_error)?;
        object.bytes().await.map_err(storage_error)
    }

    async fn reader(&self, path: &str) -> Result<Box<dyn FileRead>> {
        Ok(Box::new(Reader { store: self.store(), path: self.path(path)? }))
    }

    async fn write(&self, path: &str, bytes: Bytes) -> Result<()> {
        self.store.put(&self.path(path)?, bytes.into()).await.map_err(storage_error)?;
        Ok(())
    }

    async fn writer(&self, path: &str) -> Result<Box<dyn FileWrite>> {
        let writer = BufWriter::with_capacity(self.store(), self.path(path)?, PART_BYTES)
            .with_max_concurrency(PARTS_IN_FLIGHT);
        Ok(Box::new(Writer(writer)))
    }

    async fn delete(&self, path: &str) -> Result<()> {
        match self.store.delete(&self.path(path)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(storage_error(error)),
        }
    }

    async fn delete_prefix(&self, path: &str) -> Result<()> {
        let prefix = self.path(path.trim_end_matches('/'))?;
        let locations = self.store.list(Some(&prefix)).map_ok(|meta| meta.location).boxed();
        self.store.delete_stream(locations).try_for_each(async |_| Ok(())).await.map_err(storage_error)
    }

    async fn delete_stream(&self, mut paths: BoxStream<'static, String>) -> Result<()> {
        while let Some(path) = paths.next().await {
            self.delete(&path).await?;
        }
        Ok(())
    }

    fn new_input(&self, path: &str) -> Result<InputFile> {
        self.path(path)?;
        Ok(InputFile::new(Arc::new(self.clone()), path.to_owned()))
    }

    fn new_output(&self, path: &str) -> Result<OutputFile> {
        self.path(path)?;
        Ok(OutputFile::new(Arc::new(self.clone()), path.to_owned()))
    }
}

impl Warehouse {
    fn path(&self, location: &str) -> Result<Path> {
        self.object_path(location).map_err(|error| {
            Error::new(ErrorKind::DataInvalid, format!("locations of tables begin with {BUCKET}"))
                .with_source(error)
        })
    }
}

struct Reader {
    store: Arc<dyn ObjectStore>,
    path: Path,
}

#[async_trait]
impl FileRead for Reader {
    async fn read(&self, range: Range<u64>) -> Result<Bytes> {
        self.store.get_range(&self.path, range).await.map_err(storage_error)
    }
}

struct Writer(BufWriter);

#[async_trait]
impl FileWrite for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.0.put(bytes).await.map_err(storage_error)
    }

    async fn close(&mut self) -> Result<()> {
        self.0
            .shutdown()
            .await
            .map_err(|error| Error::new(ErrorKind::Unexpected, "completing an upload").with_source(error))
    }
}

fn storage_error(error: object_store::Error) -> Error {
    Error::new(ErrorKind::Unexpected, "accessing the object store").with_source(error)
}
