//! `/iceberg/v1/namespaces/{namespace}/tables`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use lake::VersionedMetadata;
use lake::rest::{CommitTable, CommitTransaction, CommittedTable, CreateTable, LoadedTable};
use serde::Deserialize;
use serde_json::Value;
use service::Json;
use utoipa::IntoParams;
use wire::catalog::{IcebergError, RegisterTable, RenameTable, TableIdentifier, TableIdentifierList};

use super::extract::{IcebergJson, IcebergQuery, Key, KeyedJson};
use super::page::Page;
use crate::{Catalog, CatalogError, Namespace, TableName};

/// Query of the listing.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListTables {
    /// Where the page begins: empty for the first one. Without it, all come at once.
    page_token: Option<String>,
    /// The most entries of a page.
    page_size: Option<usize>,
}

/// Lists the tables in a namespace.
#[utoipa::path(get, path = "/iceberg/v1/namespaces/{namespace}/tables",
    params(("namespace" = String, Path, description = "its parts, divided by %1F"), ListTables),
    responses((status = 200, body = TableIdentifierList), (status = 400, body = IcebergError),
        (status = 404, body = IcebergError)))]
pub(crate) async fn list(
    State(catalog): State<Arc<Catalog>>,
    namespace: Namespace,
    IcebergQuery(query): IcebergQuery<ListTables>,
) -> Result<Json<TableIdentifierList>, CatalogError> {
    let tables = catalog.tables(namespace).await?;
    let page = Page::of(tables, query.page_token, query.page_size, |table| table.name.clone())?;
    let identifiers = page.entries.into_iter().map(identifier).collect();
    Ok(Json(TableIdentifierList { identifiers, next_page_token: page.next }))
}

fn identifier(table: TableName) -> TableIdentifier {
    TableIdentifier { namespace: table.namespace.parts().to_vec(), name: table.name }
}

/// Creates a table. On 200 its metadata file and the pointer to it are on disk. With `stage-create` nothing is written:
/// a commit that asserts the creation creates the table.
#[utoipa::path(post, path = "/iceberg/v1/namespaces/{namespace}/tables",
    params(("namespace" = String, Path, description = "its parts, divided by %1F")),
    request_body(content = serde_json::Value, description = "`CreateTableRequest` of Iceberg REST"),
    responses((status = 200, description = "`LoadTableResult` of Iceberg REST", body = serde_json::Value),
        (status = 400, body = IcebergError), (status = 404, description = "no such namespace", body = IcebergError),
        (status = 409, description = "it exists", body = IcebergError)))]
pub(crate) async fn create(
    State(catalog): State<Arc<Catalog>>,
    namespace: Namespace,
    KeyedJson(request, key): KeyedJson<CreateTable>,
) -> Result<Response, CatalogError> {
    if request.stage_create == Some(true) {
        let metadata = catalog.stage_table(namespace, request).await?.metadata;
        let staged = LoadedTable { metadata_location: None, metadata, config: HashMap::new() };
        return Ok(Json(staged).into_response());
    }
    let version = catalog.create_table(namespace, request, key).await?;
    Ok(loaded(&version).into_response())
}

/// Takes in a table whose metadata file is in the warehouse already.
#[utoipa::path(post, path = "/iceberg/v1/namespaces/{namespace}/register",
    params(("namespace" = String, Path, description = "its parts, divided by %1F")),
    request_body = RegisterTable,
    responses((status = 200, description = "`LoadTableResult` of Iceberg REST", body = serde_json::Value),
        (status = 400, description = "there is no such metadata file", body = IcebergError),
        (status = 404, description = "no such namespace", body = IcebergError),
        (status = 409, description = "the name, or the table under another name, exists", body = IcebergError)))]
pub(crate) async fn register(
    State(catalog): State<Arc<Catalog>>,
    namespace: Namespace,
    KeyedJson(request, key): KeyedJson<RegisterTable>,
) -> Result<Response, CatalogError> {
    if request.overwrite {
        let text = "registering over a table is not built: drop it first, without purge";
        return Err(CatalogError::Unsupported(text.to_owned()));
    }
    let version = catalog.register_table(namespace, request.name, request.metadata_location, key).await?;
    Ok(loaded(&version).into_response())
}

/// Query of the load.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LoadTable {
    /// `all` snapshots, or those that branches and tags name: `refs`.
    #[serde(default)]
    snapshots: Snapshots,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum Snapshots {
    #[default]
    All,
    Refs,
}

/// Loads a table's current metadata; 304 if the client has them.
#[utoipa::path(get, path = "/iceberg/v1/namespaces/{namespace}/tables/{table}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F"),
        ("table" = String, Path, description = "the table's name"), LoadTable),
    responses((status = 200, description = "`LoadTableResult` of Iceberg REST", body = serde_json::Value),
        (status = 304, description = "`if-none-match` names this version"),
        (status = 400, body = IcebergError), (status = 404, body = IcebergError)))]
pub(crate) async fn load(
    State(catalog): State<Arc<Catalog>>,
    table: TableName,
    IcebergQuery(query): IcebergQuery<LoadTable>,
    headers: HeaderMap,
) -> Result<Response, CatalogError> {
    let version = catalog.load_table(table).await?;
    let tag = entity_tag(&version, query.snapshots);
    if names(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    if query.snapshots == Snapshots::All {
        return Ok(loaded(&version).into_response());
    }
    let mut body = serde_json::to_value(load_result(&version)).unwrap_or_default();
    keep_referenced_snapshots(&mut body["metadata"]);
    Ok(([(ETAG, tag)], Json(body)).into_response())
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
    match catalog.table_exists(table.clone()).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(CatalogError::NoSuchTable(table.to_string())),
    }
}

/// Commits updates to a table if the requirements hold. On 200 the new version is on disk and current.
#[utoipa::path(post, path = "/iceberg/v1/namespaces/{namespace}/tables/{table}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F"),
        ("table" = String, Path, description = "the table's name")),
    request_body(content = serde_json::Value, description = "`CommitTableRequest` of Iceberg REST"),
    responses((status = 200, description = "`CommitTableResponse` of Iceberg REST", body = serde_json::Value),
        (status = 400, body = IcebergError), (status = 404, body = IcebergError),
        (status = 409, description = "a requirement does not hold", body = IcebergError),
        (status = 500, description = "the outcome is unknown", body = IcebergError)))]
pub(crate) async fn commit(
    State(catalog): State<Arc<Catalog>>,
    table: TableName,
    KeyedJson(request, key): KeyedJson<CommitTable>,
) -> Result<Response, CatalogError> {
    if let Some(identifier) = &request.identifier
        && named(identifier)? != table
    {
        return Err(CatalogError::BadRequest(format!("the path names {table}, the body another table")));
    }
    let versions = catalog.commit(vec![(table.clone(), request)], key).await?;
    let version = versions.into_iter().next().ok_or_else(|| CatalogError::NoSuchTable(table.to_string()))?;
    let tag = entity_tag(&version, Snapshots::All);
    let VersionedMetadata { location, metadata } = (*version).clone();
    Ok(([(ETAG, tag)], Json(CommittedTable { metadata_location: location, metadata })).into_response())
}

/// Commits updates to several tables, to all or to none.
#[utoipa::path(post, path = "/iceberg/v1/transactions/commit",
    request_body(content = serde_json::Value, description = "`CommitTransactionRequest` of Iceberg REST"),
    responses((status = 204, description = "every new version is on disk and current"),
        (status = 400, body = IcebergError), (status = 404, body = IcebergError),
        (status = 409, description = "a requirement does not hold", body = IcebergError),
        (status = 500, description = "the outcome is unknown", body = IcebergError)))]
pub(crate) async fn commit_transaction(
    State(catalog): State<Arc<Catalog>>,
    KeyedJson(request, key): KeyedJson<CommitTransaction>,
) -> Result<StatusCode, CatalogError> {
    let named = request.table_changes.into_iter().map(|change| match &change.identifier {
        Some(identifier) => Ok((named(identifier)?, change)),
        None => Err(CatalogError::BadRequest("each change names its table in `identifier`".to_owned())),
    });
    catalog.commit(named.collect::<Result<_, _>>()?, key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a table another name, in another namespace perhaps.
#[utoipa::path(post, path = "/iceberg/v1/tables/rename", request_body = RenameTable,
    responses((status = 204, description = "renamed"), (status = 400, body = IcebergError),
        (status = 404, description = "no such table, or no such namespace to move it to", body = IcebergError),
        (status = 409, description = "the new name is taken", body = IcebergError)))]
pub(crate) async fn rename(
    State(catalog): State<Arc<Catalog>>,
    KeyedJson(request, key): KeyedJson<RenameTable>,
) -> Result<StatusCode, CatalogError> {
    let checked = |identifier: TableIdentifier| {
        TableName::new(Namespace::from_parts(identifier.namespace)?, identifier.name)
    };
    catalog.rename_table(checked(request.source)?, checked(request.destination)?, key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Query of the drop.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct DropTable {
    /// `true` if the table's files shall be deleted too, in any case (PyIceberg sends `True`).
    #[serde(default)]
    purge_requested: String,
}

/// Drops a table from the catalogue. Its files stay, unless they shall be purged: then they go in the background.
#[utoipa::path(delete, path = "/iceberg/v1/namespaces/{namespace}/tables/{table}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F"),
        ("table" = String, Path, description = "the table's name"), DropTable),
    responses((status = 204, description = "dropped"), (status = 400, body = IcebergError),
        (status = 404, body = IcebergError)))]
pub(crate) async fn drop(
    State(catalog): State<Arc<Catalog>>,
    table: TableName,
    IcebergQuery(query): IcebergQuery<DropTable>,
    Key(key): Key,
) -> Result<StatusCode, CatalogError> {
    let is_purge = query.purge_requested.eq_ignore_ascii_case("true");
    catalog.drop_table(table, is_purge, key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a client's report on a scan or a commit: it is counted, and goes to the log.
#[utoipa::path(post, path = "/iceberg/v1/namespaces/{namespace}/tables/{table}/metrics",
    params(("namespace" = String, Path, description = "its parts, divided by %1F"),
        ("table" = String, Path, description = "the table's name")),
    request_body(content = serde_json::Value, description = "`ReportMetricsRequest` of Iceberg REST"),
    responses((status = 204, description = "noted"), (status = 400, body = IcebergError),
        (status = 404, body = IcebergError)))]
pub(crate) async fn report_metrics(
    State(catalog): State<Arc<Catalog>>,
    table: TableName,
    IcebergJson(report): IcebergJson<MetricsReport>,
) -> Result<StatusCode, CatalogError> {
    if !catalog.table_exists(table.clone()).await? {
        return Err(CatalogError::NoSuchTable(table.to_string()));
    }
    let MetricsReport { report_type, snapshot_id } = report;
    metrics::counter!("catalogd_metrics_reports_total", "type" => report_type.as_str()).increment(1);
    tracing::debug!(%table, snapshot_id, report = report_type.as_str(), "a client reported");
    Ok(StatusCode::NO_CONTENT)
}

/// What is read of a `ReportMetricsRequest`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct MetricsReport {
    report_type: ReportType,
    snapshot_id: i64,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ReportType {
    ScanReport,
    CommitReport,
}

impl ReportType {
    fn as_str(self) -> &'static str {
        match self {
            Self::ScanReport => "scan",
            Self::CommitReport => "commit",
        }
    }
}

fn named(identifier: &lake::TableIdent) -> Result<TableName, CatalogError> {
    TableName::new(
        Namespace::from_parts(identifier.namespace().as_ref().clone())?,
        identifier.name().to_owned(),
    )
}

/// The answer that tells all of a version.
fn loaded(version: &VersionedMetadata) -> ([(HeaderName, String); 1], Json<LoadedTable>) {
    ([(ETAG, entity_tag(version, Snapshots::All))], Json(load_result(version)))
}

fn load_result(version: &VersionedMetadata) -> LoadedTable {
    LoadedTable {
        metadata_location: Some(version.location.clone()),
        metadata: version.metadata.clone(),
        config: HashMap::new(),
    }
}

/// A metadata file is written once, so that its name stands for what it holds.
fn entity_tag(version: &VersionedMetadata, snapshots: Snapshots) -> String {
    let file = version.location.rsplit('/').next().unwrap_or_default();
    format!(
        "\"{}-{}\"",
        file.trim_end_matches(".metadata.json"),
        if snapshots == Snapshots::All { "all" } else { "refs" }
    )
}

/// Whether `if-none-match` names the tag. RFC 9110, 13.1.2: compared weakly.
fn names(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|given| given == "*" || given.trim_start_matches("W/") == tag)
}

/// Leaves out the snapshots that no branch and no tag names.
fn keep_referenced_snapshots(metadata: &mut Value) {
    let refs = metadata["refs"].as_object().into_iter().flat_map(|refs| refs.values());
    let referenced: BTreeSet<i64> = refs.filter_map(|reference| reference["snapshot-id"].as_i64()).collect();
    // Not by index: that would put a null where a table without snapshots has nothing.
    if let Some(snapshots) = metadata.get_mut("snapshots").and_then(Value::as_array_mut) {
        snapshots
            .retain(|snapshot| snapshot["snapshot-id"].as_i64().is_some_and(|id| referenced.contains(&id)));
    }
}
