//! What ingestd asks of the catalogue, as a trait, so that tests can make it conflict, vanish and lie about outcomes.

use async_trait::async_trait;
use client::Catalogd;
use lake::rest::{CommittedTable, CreateTable, LoadedTable};
use lake::{TableChange, TableMetadata};
use wire::{CallContext, ErrorCode};

use crate::table_name::TableName;

/// The catalogue of tables.
#[async_trait]
pub(crate) trait Catalogue: Send + Sync {
    /// The current metadata of `table`; none if there is no such table.
    async fn load(&self, ctx: &CallContext, table: &TableName) -> client::Result<Option<TableMetadata>>;

    /// Makes an empty table, and its namespace where there is none. A table that exists is a problem `already_exists`.
    async fn create(
        &self,
        ctx: &CallContext,
        table: &TableName,
        create: CreateTable,
    ) -> client::Result<TableMetadata>;

    /// Makes `change` happen; a table that has moved on is a problem `conflict`. Of the changes under one `key` the first
    /// happens; the others are a problem `unprocessable`.
    async fn commit(
        &self,
        ctx: &CallContext,
        table: &TableName,
        change: &TableChange,
        key: Option<&str>,
    ) -> client::Result<()>;
}

/// catalogd over HTTP.
pub(crate) struct RemoteCatalogue(Catalogd);

impl RemoteCatalogue {
    pub(crate) fn new(catalogd: Catalogd) -> Self {
        Self(catalogd)
    }
}

#[async_trait]
impl Catalogue for RemoteCatalogue {
    async fn load(&self, ctx: &CallContext, table: &TableName) -> client::Result<Option<TableMetadata>> {
        match self.0.load_table::<LoadedTable>(ctx, &table.namespace, &table.name).await {
            Ok(loaded) => Ok(Some(loaded.metadata)),
            Err(error) if error.is(ErrorCode::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn create(
        &self,
        ctx: &CallContext,
        table: &TableName,
        create: CreateTable,
    ) -> client::Result<TableMetadata> {
        self.0.ensure_namespace(ctx, &table.namespace).await?;
        let created: LoadedTable = self.0.create_table(ctx, &table.namespace, &create).await?;
        Ok(created.metadata)
    }

    async fn commit(
        &self,
        ctx: &CallContext,
        table: &TableName,
        change: &TableChange,
        key: Option<&str>,
    ) -> client::Result<()> {
        let TableName { namespace, name } = table;
        self.0.commit_table::<_, CommittedTable>(ctx, namespace, name, change, key).await.map(drop)
    }
}
