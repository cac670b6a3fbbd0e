//! The root under which all tables live, and the mapping from table locations to objects.

use std::fmt;
use std::sync::Arc;

use iceberg::io::{FileIO, FileIOBuilder};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Error, ProbeError, Result};

mod storage;

/// Where every table location begins. The bucket is a name, not a place: it maps to the root of the warehouse,
/// so that a table keeps its address when the storage moves from a local disk to S3.
pub const BUCKET: &str = "s3://lakehouse/";

/// An opened warehouse. Clones share one store. Serialises as its URL, as `iceberg::io::Storage` asks for.
#[derive(Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Warehouse {
    url: String,
    store: Arc<dyn ObjectStore>,
}

impl Warehouse {
    /// Opens the warehouse at `url`: `file:///path` or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`Error::Open`] if the URL is not understood or its store cannot be opened.
    pub fn open(url: &str) -> Result<Self> {
        let store = objects::open(url).map_err(Error::Open)?;
        Ok(Self { url: url.to_owned(), store })
    }

    /// A warehouse over a store that is open already, such as one that injects faults.
    pub fn with_store(url: impl Into<String>, store: Arc<dyn ObjectStore>) -> Self {
        Self { url: url.into(), store }
    }

    /// The URL that the warehouse was opened by.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether the store under the warehouse serves us, asked by reading.
    ///
    /// # Errors
    /// See [`objects::reach`].
    pub async fn reach(&self) -> Result<(), ProbeError> {
        objects::reach(&self.url, &*self.store).await
    }

    /// Whether the store under the warehouse serves us and keeps its word, asked by writing an object of our own.
    ///
    /// # Errors
    /// See [`objects::probe`].
    pub async fn probe(&self) -> Result<(), ProbeError> {
        objects::probe(&self.url, &*self.store).await
    }

    /// The object store under the warehouse; its puts are durable and atomic.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// The same store as Iceberg's file interface, over locations that begin with [`BUCKET`].
    pub fn file_io(&self) -> FileIO {
        FileIOBuilder::new(Arc::new(self.clone())).build()
    }

    /// The object that a location names: `s3://lakehouse/a/b` is `a/b`.
    ///
    /// # Errors
    /// [`Error::Location`] if the location is in another bucket or could escape the root.
    pub fn object_path(&self, location: &str) -> Result<Path> {
        let refuse = |reason: String| Error::Location { location: location.to_owned(), reason };
        let key = location
            .strip_prefix(BUCKET)
            .ok_or_else(|| refuse(format!("locations of tables begin with {BUCKET}")))?;
        let key: objects::Key = key.parse().map_err(|e: objects::KeyError| refuse(e.to_string()))?;
        Ok(key.path())
    }

    /// Whether there is a file at a location.
    ///
    /// # Errors
    /// [`Error::Location`], or the store's.
    pub async fn exists(&self, location: &str) -> Result<bool> {
        match self.store.head(&self.object_path(location)?).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A location that no table has had before, so that a table that is dropped and created again shares no file
    /// with its predecessor.
    pub fn new_table_location(&self, namespace: &[String], table: &str) -> String {
        format!("{BUCKET}{}/{table}-{}", namespace.join("/"), Uuid::now_v7().simple())
    }
}

impl fmt::Debug for Warehouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warehouse").field("url", &self.url).finish_non_exhaustive()
    }
}

impl From<Warehouse> for String {
    fn from(warehouse: Warehouse) -> Self {
        warehouse.url
    }
}

impl TryFrom<String> for Warehouse {
    type Error = Error;

    fn try_from(url: String) -> Result<Self> {
        Self::open(&url)
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[test]
    fn locations_outside_the_warehouse_are_refused() {
        let warehouse = Warehouse::with_store("memory:", Arc::new(InMemory::new()));
        assert_eq!(warehouse.object_path("s3://lakehouse/a/b.parquet").unwrap().as_ref(), "a/b.parquet");
        for bad in [
            "s3://lakehouse/",
            "s3://lakehouse/../etc/passwd",
            "s3://lakehouse/a/%2e%2e/b",
            "s3://lakehouse2/a",
            "s3://other/a",
            "file:///etc/passwd",
            "/etc/passwd",
            "",
        ] {
            assert!(
                matches!(warehouse.object_path(bad), Err(Error::Location { .. })),
                "{bad:?} must be refused"
            );
        }
    }

    #[test]
    fn no_two_tables_share_a_location() {
        let warehouse = Warehouse::with_store("memory:", Arc::new(InMemory::new()));
        let namespace = ["sales".to_owned()];
        let first = warehouse.new_table_location(&namespace, "orders");
        assert!(first.starts_with("s3://lakehouse/sales/orders-"));
        assert_ne!(first, warehouse.new_table_location(&namespace, "orders"));
    }
}
