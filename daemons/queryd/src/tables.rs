//! The engine's view of the catalogue: catalogd over HTTP, on behalf of one request.

use std::error::Error as StdError;

use async_trait::async_trait;
use client::Catalogd;
use lake::TableMetadata;
use lake::rest::LoadedTable;
use query_engine::{TableName, TableSource};
use wire::{CallContext, ErrorCode};

type BoxError = Box<dyn StdError + Send + Sync>;

/// The tables that catalogd knows.
pub(crate) struct CatalogueTables {
    pub(crate) catalogd: Catalogd,
    pub(crate) ctx: CallContext,
}

#[async_trait]
impl TableSource for CatalogueTables {
    async fn load(&self, table: &TableName) -> Result<Option<TableMetadata>, BoxError> {
        match self.catalogd.load_table::<LoadedTable>(&self.ctx, &table.namespace, &table.name).await {
            Ok(loaded) => Ok(Some(loaded.metadata)),
            // A name that no table can have names no table.
            Err(error) if error.is(ErrorCode::NotFound) || error.is(ErrorCode::InvalidArgument) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn list(&self) -> Result<Vec<TableName>, BoxError> {
        let list = self.catalogd.tables(&self.ctx).await?;
        let names = list.tables.into_iter().filter_map(|table| {
            let (namespace, name) = table.name.rsplit_once('.')?;
            Some(TableName { namespace: namespace.to_owned(), name: name.to_owned() })
        });
        Ok(names.collect())
    }
}
