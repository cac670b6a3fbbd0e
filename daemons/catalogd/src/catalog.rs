//! The catalogue itself: namespaces, tables, and the swap of a table's pointer.

mod commit;
mod maintenance;
mod once;
mod purge;
mod rows;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use lake::rest::CreateTable;
use lake::{VersionedMetadata, Warehouse};
use ledger::Ledger;
use parking_lot::Mutex;
use tokio::sync::Notify;
use wire::catalog::{ChangedProperties, TableColumn, TableInfo};

use crate::{CatalogError, Namespace, TableName};
use commit::Step;
use rows::{Action, Pointer};

pub use once::RequestKey;
pub use rows::MIGRATIONS;

type Result<T> = std::result::Result<T, CatalogError>;

/// The catalogue of one warehouse.
pub struct Catalog {
    ledger: Ledger,
    warehouse: Warehouse,
    /// The version of each table that was loaded last. A metadata file never changes, so an entry whose location is
    /// still the table's is still right.
    loaded: Mutex<HashMap<TableName, Arc<VersionedMetadata>>>,
    /// Rung when the files of a table shall go.
    purge_requested: Notify,
}

impl Catalog {
    /// The catalogue in `ledger` over the tables in `warehouse`.
    pub fn new(ledger: Ledger, warehouse: Warehouse) -> Self {
        Self { ledger, warehouse, loaded: Mutex::default(), purge_requested: Notify::new() }
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

    /// Sets and removes properties of a namespace; durable on return.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchNamespace`]; [`CatalogError::Unprocessable`] for a key that is to be set and to be removed.
    pub async fn change_properties(
        &self,
        namespace: Namespace,
        updates: BTreeMap<String, String>,
        removals: BTreeSet<String>,
    ) -> Result<ChangedProperties> {
        if let Some(both) = removals.iter().find(|key| updates.contains_key(*key)) {
            return Err(CatalogError::Unprocessable(format!("{both:?} is to be set and to be removed")));
        }
        self.ledger
            .write(move |transaction| {
                let mut properties = rows::properties(transaction, &namespace)?;
                let (removed, missing) =
                    removals.into_iter().partition(|key| properties.remove(key).is_some());
                let updated = updates.keys().cloned().collect();
                properties.extend(updates);
                rows::update_properties(transaction, &namespace, &properties)?;
                Ok(ChangedProperties { updated, removed, missing })
            })
            .await
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
        key: Option<RequestKey>,
    ) -> Result<Arc<VersionedMetadata>> {
        let create = async {
            let (table, version) = self.first_version(namespace, request).await?;
            self.take_new(table, version, Action::Create, key.clone()).await
        };
        only(self.once(key.as_ref(), create).await?)
    }

    /// What [`Catalog::create_table`] would create. Nothing is written: a commit that asserts the creation does that.
    ///
    /// # Errors
    /// As [`Catalog::create_table`].
    pub async fn stage_table(&self, namespace: Namespace, request: CreateTable) -> Result<VersionedMetadata> {
        Ok(self.first_version(namespace, request).await?.1)
    }

    async fn first_version(
        &self,
        namespace: Namespace,
        request: CreateTable,
    ) -> Result<(TableName, VersionedMetadata)> {
        let table = TableName::new(namespace, request.name.clone())?;
        self.must_be_free(&table).await?;
        let version = lake::create(&self.warehouse, table.namespace.parts(), request)?;
        self.must_be_unshared(&version).await?;
        Ok((table, version))
    }

    /// Takes in a table whose metadata file is in the warehouse already; the pointer is durable on return.
    ///
    /// # Errors
    /// [`CatalogError::AlreadyExists`], also if the table is known by another name; [`CatalogError::NoSuchNamespace`];
    /// [`CatalogError::BadRequest`] if there is no metadata file at `location`.
    pub async fn register_table(
        &self,
        namespace: Namespace,
        name: String,
        location: String,
        key: Option<RequestKey>,
    ) -> Result<Arc<VersionedMetadata>> {
        let register = async {
            let table = TableName::new(namespace, name)?;
            self.must_be_free(&table).await?;
            let version = lake::read_foreign_metadata(&self.warehouse, &location).await?;
            self.must_be_unshared(&version).await?;
            self.take_new(table, version, Action::Register, key.clone()).await
        };
        only(self.once(key.as_ref(), register).await?)
    }

    async fn take_new(
        &self,
        table: TableName,
        version: VersionedMetadata,
        action: Action,
        key: Option<RequestKey>,
    ) -> Result<Vec<Arc<VersionedMetadata>>> {
        let step = Step { table, action, from: None, to: Arc::new(version) };
        self.take(vec![step], key).await
    }

    async fn must_be_free(&self, table: &TableName) -> Result<()> {
        self.namespace(table.namespace.clone()).await?;
        match self.table_exists(table.clone()).await? {
            true => Err(CatalogError::AlreadyExists(table.to_string())),
            false => Ok(()),
        }
    }

    /// Two tables in one folder would take each other's files for orphans.
    async fn must_be_unshared(&self, version: &VersionedMetadata) -> Result<()> {
        let folder = version.metadata.location().trim_end_matches('/').to_owned();
        match self.ledger.read(move |connection| rows::table_in(connection, &folder, None)).await? {
            Some(other) => {
                let location = version.metadata.location();
                Err(CatalogError::AlreadyExists(format!("{other}, whose folder is {location}, ")))
            }
            None => Ok(()),
        }
    }

    /// Gives a table another name; durable on return. Its files stay where they are.
    ///
    /// # Errors
    /// [`CatalogError::NoSuchTable`], [`CatalogError::NoSuchNamespace`] of the new name,
    /// [`CatalogError::AlreadyExists`].
    pub async fn rename_table(&self, from: TableName, to: TableName, key: Option<RequestKey>) -> Result<()> {
        let old = from.clone();
        self.ledger
            .write(move |transaction| {
                once::in_transaction(transaction, key.as_ref(), &[], now_ms(), || {
                    rows::rename_table(transaction, &from, &to, now_ms())
                })
            })
            .await?;
        self.loaded.lock().remove(&old);
        Ok(())
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

    /// Drops a table from the catalogue; durable on return. Its files stay, unless they shall be purged: then they are
    /// deleted soon, by [`Catalog::purge_forever`].
    ///
    /// # Errors
    /// [`CatalogError::NoSuchTable`].
    pub async fn drop_table(&self, table: TableName, is_purge: bool, key: Option<RequestKey>) -> Result<()> {
        let dropped = table.clone();
        self.ledger
            .write(move |transaction| {
                once::in_transaction(transaction, key.as_ref(), &[], now_ms(), || {
                    let location = rows::delete_table(transaction, &table, now_ms())?;
                    if is_purge { rows::insert_purge(transaction, &location, now_ms()) } else { Ok(()) }
                })
            })
            .await?;
        self.loaded.lock().remove(&dropped);
        self.purge_requested.notify_one();
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

/// The version of a request that made one.
fn only(versions: Vec<Arc<VersionedMetadata>>) -> Result<Arc<VersionedMetadata>> {
    // A key that was answered with none belongs to another kind of request, whose fingerprint differs.
    versions.into_iter().next().ok_or(CatalogError::KeyReused)
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
