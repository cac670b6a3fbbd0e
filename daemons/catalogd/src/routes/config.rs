//! `GET /iceberg/v1/config`, and the answer to what is not built.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::Request;
use axum::http::Method;
use service::Json;
use wire::catalog::CatalogConfig;

use crate::CatalogError;

/// What is served, in the notation of the specification. A client must not call what is not here.
const ENDPOINTS: [&str; 17] = [
    "GET /v1/config",
    "GET /v1/{prefix}/namespaces",
    "POST /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "HEAD /v1/{prefix}/namespaces/{namespace}",
    "DELETE /v1/{prefix}/namespaces/{namespace}",
    "POST /v1/{prefix}/namespaces/{namespace}/properties",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "POST /v1/{prefix}/namespaces/{namespace}/tables",
    "POST /v1/{prefix}/namespaces/{namespace}/register",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics",
    "POST /v1/{prefix}/tables/rename",
    "POST /v1/{prefix}/transactions/commit",
];

/// What clients are told to use unless they are configured otherwise.
#[derive(Debug, Clone)]
pub(crate) struct ClientDefaults(pub(crate) BTreeMap<String, String>);

/// Tells a client what it has to know before its first call.
#[utoipa::path(get, path = "/iceberg/v1/config", responses((status = 200, body = CatalogConfig)))]
pub(crate) async fn config(
    Extension(ClientDefaults(defaults)): Extension<ClientDefaults>,
) -> Json<CatalogConfig> {
    Json(CatalogConfig {
        defaults,
        overrides: BTreeMap::new(),
        endpoints: ENDPOINTS.map(str::to_owned).to_vec(),
    })
}

/// Every other path of the specification.
pub(crate) async fn not_built(method: Method, request: Request) -> CatalogError {
    let path = request.uri().path();
    CatalogError::NotBuilt(format!("{method} {path} is not built yet; /iceberg/v1/config lists what is"))
}
