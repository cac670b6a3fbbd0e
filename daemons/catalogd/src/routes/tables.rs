//! `/iceberg/v1/namespaces/{namespace}/tables`.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use lake::VersionedMetadata;
use lake::rest::{CommitTable, CommittedTable, CreateTable, LoadedTable};
use serde::Deserialize;
use service::Json;
use utoipa::IntoParams;
use wire::catalog::{IcebergError, TableIdentifier, TableIdentifierList};

use super::extract::{IcebergJson, IcebergQuery};
use crate::{Catalog, CatalogError, Namespace, TableName};

/// Lists the tables in a namespace.
#[utoipa::path(get, path = "/iceberg/v1/namespaces/{namespace}/tables",
    params(("namespace" = String, Path, description = "its parts, divided by %1F")),
    responses((status = 200, body = TableIdentifierList), (status = 404, body = IcebergError)))]
pub(crate) async fn list(
    State(catalog): State<Arc<Catalog>>,
    namespace: Namespace,
) -> Result<Json<TableIdentifierList>, CatalogError> {
    let tables = catalog.tables(namespace).await?;
    let identifiers = tables
        .into_iter()
        .map(|table| TableIdentifier { namespace: table.namespace.parts().to_vec(), name: table.name })
        .collect();
    Ok(Json(TableIdentifierList { identifiers }))
}

/// Creates a table. On 200 its metadata file and the pointer to it are on disk.
#[utoipa::path(post, path = "/iceberg/v1/namespaces/{namespace}/tables",
    params(("namespace" = String, Path, description = "its parts, divided by %1F")),
    request_body(content = serde_json::Value, description = "`CreateTableRequest` of Iceberg REST"),
    responses((status = 200, description = "`LoadTableResult` of Iceberg REST", body = serde_json::Value),
        (status = 400, body = IcebergError), (status = 404, description = "no such namespace", body = IcebergError),
        (status = 409, description = "it exists", body = IcebergError), (status = 501, body = IcebergError)))]
pub(crate) async fn create(
    State(catalog): State<Arc<Catalog>>,
    namespace: Namespace,
    IcebergJson(request): IcebergJson<CreateTable>,
) -> Result<Json<LoadedTable>, CatalogError> {
    let version = catalog.create_table(namespace, request).await?;
    Ok(Json(loaded(&version)))
}

/// Loads a table's current metadata.
#[utoipa::path(get, path = "/iceberg/v1/namespaces/{namespace}/tables/{table}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F"),
        ("table" = String, Path, description = "the table's name")),
    responses((status = 200, description = "`LoadTableResult` of Iceberg REST", body = serde_json::Value),
        (status = 404, body = IcebergError)))]
pub(crate) async fn load(
    State(catalog): State<Arc<Catalog>>,
    table: TableName,
) -> Result<Json<LoadedTable>, CatalogError> {
    let version = catalog.load_table(table).await?;
    Ok(Json(loaded(&version)))
}

/// Tells whether a table exists.
#[utoipa::path(head, path = "/iceberg/v1/namespaces/{namespace}/tables/{table}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F"),
        ("table" = String, Path, description = "the table's name")),
    responses((status = 204, description = "it does"), (status = 404, description = "it does not")))]
pub(crate) async fn exists(
    State(catalog): State<Arc<Catalog>>,
    table: TableName,
) -> Result<StatusCode, CatalogError> {
    let exists = catalog.table_exists(table).await?;
    Ok(if exists { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
}

/// Commits updates to a table if the requirements hold. On 200 the new version is on disk and current.
#[utoipa::path(post, path = "/iceberg/v1/namespaces/{namespace}/tables/{table}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F"),
        ("table" = String, Path, description = "the table's name")),
    request_body(content = serde_json::Value, description = "`CommitTableRequest` of Iceberg REST"),
    responses((status = 200, description = "`CommitTableResponse` of Iceberg REST", body = serde_json::Value),
        (status = 400, body = IcebergError), (status = 404, body = IcebergError),
        (status = 409, description = "a requirement does not hold", body = IcebergError),
        (status = 500, description = "the outcome is unknown", body = IcebergError),
        (status = 501, body = IcebergError)))]
pub(crate) async fn commit(
    State(catalog): State<Arc<Catalog>>,
    table: TableName,
    IcebergJson(request): IcebergJson<CommitTable>,
) -> Result<Json<CommittedTable>, CatalogError> {
    let version = catalog.commit(table, request).await?;
    let VersionedMetadata { location, metadata } = (*version).clone();
    Ok(Json(CommittedTable { metadata_location: location, metadata }))
}

/// Query of the drop.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct DropTable {
    /// `true` if the table's files shall be deleted too, in any case (PyIceberg sends `True`): not built yet.
    #[serde(default)]
    purge_requested: String,
}

/// Drops a table from the catalogue; its files stay.
#[utoipa::path(delete, path = "/iceberg/v1/namespaces/{namespace}/tables/{table}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F"),
        ("table" = String, Path, description = "the table's name"), DropTable),
    responses((status = 204, description = "dropped"), (status = 404, body = IcebergError),
        (status = 501, description = "a purge was asked for", body = IcebergError)))]
pub(crate) async fn drop(
    State(catalog): State<Arc<Catalog>>,
    table: TableName,
    IcebergQuery(query): IcebergQuery<DropTable>,
) -> Result<StatusCode, CatalogError> {
    if query.purge_requested.eq_ignore_ascii_case("true") {
        return Err(CatalogError::NotBuilt("purging a table's files is not built yet".to_owned()));
    }
    catalog.drop_table(table).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn loaded(version: &VersionedMetadata) -> LoadedTable {
    LoadedTable {
        metadata_location: Some(version.location.clone()),
        metadata: version.metadata.clone(),
        config: HashMap::new(),
    }
}
