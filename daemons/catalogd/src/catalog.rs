//! The catalogue itself: namespaces, tables, and the swap of a table's pointer.

mod commit;
mod rows;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use lake::rest::CreateTable;
use lake::{VersionedMetadata, Warehouse};
use ledger::Ledger;
use parking_lot::Mutex;
use wire::catalog::{TableColumn, TableInfo};

use crate::{CatalogError, Namespace, TableName};
use rows::Pointer;

pub use rows::MIGRATIONS;

type Result<T> = std::result::Result<T, CatalogError>;

/// The catalogue of one warehouse.
pub struct Catalog {
    ledger: Ledger,
    warehouse: Warehouse,
    /// The version of each table that was loaded last. A metadata file never changes, so an entry whose location is
    /// still the table's is still right.
    loaded: Mutex<HashMap<TableName, Arc<VersionedMetadata>>>,
}

impl Catalog {
    /// The catalogue in `ledger` over the tables in `warehouse`.
    pub fn new(ledger: Ledger, warehouse: Warehouse) -> Self {
        Self { ledger, warehouse, loaded: Mutex::default() }
    }

    /// The namespaces directly below `parent`, or at the top.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchNamespace`] for a parent that is not there.
    pub async fn namespaces(&self, parent: Option<Namespace>) -> Result<Vec<Namespace>> {
        self.ledger
            .read(move |connection| {
                if let Some(parent) = &parent {
                    rows::properties(connection, parent)?;
                }
                let mut all = rows::namespaces(connection)?;
                all.retain(|namespace| namespace.parent() == parent);
                Ok(all)
            })
            .await
    }

    /// Creates a namespace; durable on return.
    ///
    /// # Errors
    /// [`CatalogError::AlreadyExists`], or [`CatalogError::NoSuchNamespace`] if its parent is not there.
    pub async fn create_namespace(
        &self,
        namespace: Namespace,
        properties: BTreeMap<String, String>,
    ) -> Result<()> {
        self.ledger
            .write(move |transaction| {
                if let Some(parent) = namespace.parent() {
                    rows::properties(transaction, &parent)?;
                }
                rows::insert_namespace(transaction, &namespace, &properties, now_ms())
            })
            .await
    }

    /// The properties of a namespace.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchNamespace`].
    pub async fn namespace(&self, namespace: Namespace) -> Result<BTreeMap<String, String>> {
        self.ledger.read(move |connection| rows::properties(connection, &namespace)).await
    }

    /// Drops an empty namespace; durable on return.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchNamespace`], [`CatalogError::NamespaceNotEmpty`].
    pub async fn drop_namespace(&self, namespace: Namespace) -> Result<()> {
        self.ledger.write(move |transaction| rows::delete_namespace(transaction, &namespace)).await
    }

    /// The tables in `namespace`.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchNamespace`].
    pub async fn tables(&self, namespace: Namespace) -> Result<Vec<TableName>> {
        self.ledger
            .read(move |connection| {
                rows::properties(connection, &namespace)?;
                let all = rows::pointers(connection, Some(&namespace))?;
                Ok(all.into_iter().map(|pointer| pointer.table).collect())
            })
            .await
    }

    /// Creates a table; its first metadata file and the pointer to it are durable on return.
    ///
    /// # Errors
    /// [`CatalogError::AlreadyExists`], [`CatalogError::NoSuchNamespace`], [`CatalogError::BadRequest`] and those of
    /// [`lake::create`].
    pub async fn create_table(
        &self,
        namespace: Namespace,
        request: CreateTable,
    ) -> Result<Arc<VersionedMetadata>> {
        let table = TableName::new(namespace, request.name.clone())?;
        if request.stage_create == Some(true) {
            return Err(CatalogError::NotBuilt("staged creation of tables is not built yet".to_owned()));
        }
        self.namespace(table.namespace.clone()).await?;
        if self.table_exists(table.clone()).await? {
            return Err(CatalogError::AlreadyExists(table.to_string()));
        }
        let version = Arc::new(lake::create(&self.warehouse, table.namespace.parts(), request)?);
        lake::write_metadata(&self.warehouse, &version).await?;
        let (key, created) = (table.clone(), Arc::clone(&version));
        let inserted =
            self.ledger.write(move |transaction| rows::insert_table(transaction, &key, &created, now_ms()));
        self.settle(&table, version, inserted.await).await
    }

    /// Whether there is such a table.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn table_exists(&self, table: TableName) -> Result<bool> {
        match self.pointer(table).await {
            Ok(_) => Ok(true),
            Err(CatalogError::NoSuchTable(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The current version of a table.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchTable`]; [`CatalogError::Warehouse`] if its metadata file cannot be read.
    pub async fn load_table(&self, table: TableName) -> Result<Arc<VersionedMetadata>> {
        let pointer = self.pointer(table).await?;
        self.load(&pointer).await
    }

    /// Drops a table from the catalogue; durable on return. Its files stay.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchTable`].
    pub async fn drop_table(&self, table: TableName) -> Result<()> {
        let key = table.clone();
        self.ledger.write(move |transaction| rows::delete_table(transaction, &key, now_ms())).await?;
        self.loaded.lock().remove(&table);
        Ok(())
    }

    /// Every table with what its metadata say of it. One whose metadata cannot be read is listed with the reason.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn describe_tables(&self) -> Result<Vec<TableInfo>> {
        let pointers = self.ledger.read(|connection| rows::pointers(connection, None)).await?;
        let mut tables = Vec::with_capacity(pointers.len());
        for pointer in pointers {
            let loaded = self.load(&pointer).await;
            tables.push(describe(&pointer, loaded.as_deref()));
        }
        Ok(tables)
    }

    async fn pointer(&self, table: TableName) -> Result<Pointer> {
        self.ledger.read(move |connection| rows::pointer(connection, &table)).await
    }

    async fn load(&self, pointer: &Pointer) -> Result<Arc<VersionedMetadata>> {
        if let Some(version) = self.loaded.lock().get(&pointer.table)
            && version.location == pointer.location
        {
            return Ok(Arc::clone(version));
        }
        let read = lake::read_metadata(&self.warehouse, &pointer.location).await;
        let version = Arc::new(read.map_err(CatalogError::of_warehouse)?);
        self.loaded.lock().insert(pointer.table.clone(), Arc::clone(&version));
        Ok(version)
    }
}

fn describe(pointer: &Pointer, loaded: std::result::Result<&VersionedMetadata, &CatalogError>) -> TableInfo {
    let mut info = TableInfo {
        name: pointer.table.to_string(),
        location: String::new(),
        snapshot_id: None,
        rows: None,
        columns: Vec::new(),
        updated_ms: pointer.updated_ms,
        error: None,
    };
    match loaded {
        Err(error) => info.error = Some(error.to_string()),
        Ok(version) => {
            let metadata = &version.metadata;
            let fields = metadata.current_schema().as_struct().fields();
            metadata.location().clone_into(&mut info.location);
            info.snapshot_id = metadata.current_snapshot_id();
            info.rows = lake::total_records(metadata);
            info.columns = fields
                .iter()
                .map(|field| TableColumn {
                    name: field.name.clone(),
                    data_type: field.field_type.to_string(),
                    required: field.required,
                })
                .collect();
        }
    }
    info
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
