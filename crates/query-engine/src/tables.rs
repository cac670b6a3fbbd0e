//! From the table names of a statement to the snapshots that it reads.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider,
};
use datafusion::common::TableReference;
use futures::future::try_join_all;
use lake::{TableMetadata, Warehouse};

use crate::scan::SnapshotTable;
use crate::time_travel::Version;
use crate::{Error, Result};

/// The only catalogue there is; statements may leave it out.
pub(crate) const CATALOG: &str = "lakehouse";
/// The namespace of a table that is named without one.
pub const DEFAULT_NAMESPACE: &str = "default";
/// Below this likeness (Jaro-Winkler, 0 to 1) another table's name is no suggestion.
const MIN_LIKENESS: f64 = 0.75;

/// A table's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// The namespace.
    pub namespace: String,
    /// The name in it.
    pub name: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.name)
    }
}

/// What a query has read of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRead {
    /// The table.
    pub table: TableName,
    /// Its snapshot; none for a table that has never been written to.
    pub snapshot_id: Option<i64>,
}

/// Where the engine learns what tables there are; the daemon asks the catalogue.
#[async_trait]
pub trait TableSource: Send + Sync {
    /// The current metadata of `table`; none if there is no such table.
    ///
    /// # Errors
    /// Any; the engine hands it back as [`Error::Source`].
    async fn load(
        &self,
        table: &TableName,
    ) -> Result<Option<TableMetadata>, Box<dyn std::error::Error + Send + Sync>>;

    /// All tables, to suggest one in place of one that does not exist.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    async fn list(&self) -> Result<Vec<TableName>, Box<dyn std::error::Error + Send + Sync>>;
}

/// The tables of one statement, each at its current snapshot or the one that is asked for.
pub(crate) struct Tables {
    pub(crate) catalogs: Arc<dyn CatalogProviderList>,
    pub(crate) snapshots: Vec<SnapshotRead>,
}

/// Loads and plans the tables that `references` name, all at once.
///
/// # Errors
/// [`Error::UnknownTable`], [`Error::Source`], [`Error::Lake`].
pub(crate) async fn resolve(
    warehouse: &Warehouse,
    source: &dyn TableSource,
    references: &[TableReference],
) -> Result<Tables> {
    let asked = references.iter().map(AskedFor::of).collect::<Result<Vec<_>>>()?;
    let tables = try_join_all(asked.into_iter().map(|asked| load(warehouse, source, asked))).await?;
    let catalog = MemoryCatalogProvider::new();
    let mut snapshots = Vec::new();
    for (AskedFor { table: name, called, .. }, table) in tables {
        let namespace = match catalog.schema(&name.namespace) {
            Some(namespace) => namespace,
            None => {
                let namespace = Arc::new(MemorySchemaProvider::new());
                catalog.register_schema(&name.namespace, namespace.clone())?;
                namespace
            }
        };
        snapshots.push(SnapshotRead { table: name, snapshot_id: table.snapshot_id() });
        namespace.register_table(called, Arc::new(table))?;
    }
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog(CATALOG.to_owned(), Arc::new(catalog));
    Ok(Tables { catalogs: Arc::new(catalogs), snapshots })
}

/// A table as a statement names it.
struct AskedFor {
    table: TableName,
    version: Version,
    /// The last part of its name, the version included.
    called: String,
}

impl AskedFor {
    fn of(reference: &TableReference) -> Result<Self> {
        match reference.catalog() {
            None | Some(CATALOG) => {
                let (name, version) = Version::split(reference.table())?;
                let namespace = reference.schema().unwrap_or(DEFAULT_NAMESPACE).to_owned();
                let table = TableName { namespace, name: name.to_owned() };
                Ok(Self { table, version, called: reference.table().to_owned() })
            }
            Some(other) => Err(Error::Invalid(format!(
                "there is no catalogue {other:?}; tables are named namespace.table or {CATALOG}.namespace.table"
            ))),
        }
    }
}

async fn load(
    warehouse: &Warehouse,
    source: &dyn TableSource,
    asked: AskedFor,
) -> Result<(AskedFor, SnapshotTable)> {
    let table = &asked.table;
    let Some(metadata) = source.load(table).await.map_err(Error::Source)? else {
        let known = source.list().await.map_err(Error::Source)?;
        return Err(Error::UnknownTable { nearest: nearest(table, known), table: table.clone() });
    };
    let snapshot_id = asked.version.snapshot_id(&table.to_string(), &metadata)?;
    let table = SnapshotTable::plan(warehouse, &metadata, snapshot_id).await?;
    Ok((asked, table))
}

fn nearest(wanted: &TableName, known: Vec<TableName>) -> Option<TableName> {
    let wanted = wanted.to_string().to_lowercase();
    known
        .into_iter()
        .map(|table| (strsim::jaro_winkler(&wanted, &table.to_string().to_lowercase()), table))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, table)| table)
}
