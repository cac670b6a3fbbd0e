//! As much of catalogd as an ingest needs, in memory.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use lake::rest::{CommitTable, CommittedTable, CreateTable, LoadedTable};
use lake::{VersionedMetadata, Warehouse};
use serde_json::json;
use tokio::sync::Mutex;

/// Tables by `namespace.name`.
pub(crate) struct Catalogd {
    pub(crate) warehouse: Warehouse,
    pub(crate) tables: Mutex<HashMap<String, VersionedMetadata>>,
}

/// Serves on a free port and returns its URL.
pub(crate) async fn serve(catalogd: Arc<Catalogd>) -> String {
    let router = Router::new()
        .route("/iceberg/v1/namespaces", post(async || Json(json!({}))))
        .route("/iceberg/v1/namespaces/{namespace}/tables", post(create))
        .route("/iceberg/v1/namespaces/{namespace}/tables/{table}", get(load).post(commit))
        .with_state(catalogd);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn error(code: StatusCode, kind: &str) -> Response {
    (code, Json(json!({"error": {"message": "no", "type": kind, "code": code.as_u16()}}))).into_response()
}

fn loaded(version: &VersionedMetadata) -> Json<LoadedTable> {
    Json(LoadedTable {
        metadata_location: Some(version.location.clone()),
        metadata: version.metadata.clone(),
        config: HashMap::new(),
    })
}

async fn create(
    State(catalogd): State<Arc<Catalogd>>,
    Path(namespace): Path<String>,
    Json(request): Json<CreateTable>,
) -> Response {
    let name = format!("{namespace}.{}", request.name);
    let version = lake::create(&catalogd.warehouse, &[namespace], request).unwrap();
    let response = loaded(&version).into_response();
    catalogd.tables.lock().await.insert(name, version);
    response
}

async fn load(
    State(catalogd): State<Arc<Catalogd>>,
    Path((namespace, table)): Path<(String, String)>,
) -> Response {
    match catalogd.tables.lock().await.get(&format!("{namespace}.{table}")) {
        Some(version) => loaded(version).into_response(),
        None => error(StatusCode::NOT_FOUND, "NoSuchTableException"),
    }
}

async fn commit(
    State(catalogd): State<Arc<Catalogd>>,
    Path((namespace, table)): Path<(String, String)>,
    Json(change): Json<CommitTable>,
) -> Response {
    let mut tables = catalogd.tables.lock().await;
    let current = tables.get_mut(&format!("{namespace}.{table}")).unwrap();
    match lake::commit(&catalogd.warehouse, current, &change.requirements, change.updates) {
        Ok(next) => {
            *current = next.clone();
            Json(CommittedTable { metadata_location: next.location, metadata: next.metadata }).into_response()
        }
        Err(_) => error(StatusCode::CONFLICT, "CommitFailedException"),
    }
}
