//! `/iceberg/v1/namespaces`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use service::Json;
use utoipa::IntoParams;
use wire::catalog::{CreateNamespace, IcebergError, Namespace as NamespaceBody, NamespaceList};

use super::extract::{IcebergJson, IcebergQuery};
use crate::{Catalog, CatalogError, Namespace};

/// Query of the listing. Pages are never made, so a token for the next one is never given out.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListNamespaces {
    /// The namespace whose children are asked for; the top level if absent.
    parent: Option<String>,
}

/// Lists the namespaces directly below `parent`.
#[utoipa::path(get, path = "/iceberg/v1/namespaces", params(ListNamespaces), responses(
    (status = 200, body = NamespaceList), (status = 404, description = "no such parent", body = IcebergError)))]
pub(crate) async fn list(
    State(catalog): State<Arc<Catalog>>,
    IcebergQuery(query): IcebergQuery<ListNamespaces>,
) -> Result<Json<NamespaceList>, CatalogError> {
    let parent = query.parent.filter(|parent| !parent.is_empty());
    let parent = parent.as_deref().map(Namespace::from_path).transpose()?;
    let namespaces = catalog.namespaces(parent).await?;
    Ok(Json(NamespaceList {
        namespaces: namespaces.iter().map(|namespace| namespace.parts().to_vec()).collect(),
    }))
}

/// Creates a namespace.
#[utoipa::path(post, path = "/iceberg/v1/namespaces", request_body = CreateNamespace, responses(
    (status = 200, body = NamespaceBody),
    (status = 400, description = "not a valid name", body = IcebergError),
    (status = 404, description = "no such parent", body = IcebergError),
    (status = 409, description = "it exists", body = IcebergError)))]
pub(crate) async fn create(
    State(catalog): State<Arc<Catalog>>,
    IcebergJson(request): IcebergJson<CreateNamespace>,
) -> Result<Json<NamespaceBody>, CatalogError> {
    let CreateNamespace { namespace, properties } = request;
    catalog.create_namespace(Namespace::from_parts(namespace.clone())?, properties.clone()).await?;
    Ok(Json(NamespaceBody { namespace, properties }))
}

/// Tells a namespace's properties.
#[utoipa::path(get, path = "/iceberg/v1/namespaces/{namespace}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F")),
    responses((status = 200, body = NamespaceBody), (status = 404, body = IcebergError)))]
pub(crate) async fn load(
    State(catalog): State<Arc<Catalog>>,
    namespace: Namespace,
) -> Result<Json<NamespaceBody>, CatalogError> {
    let properties = catalog.namespace(namespace.clone()).await?;
    Ok(Json(NamespaceBody { namespace: namespace.parts().to_vec(), properties }))
}

/// Tells whether a namespace exists.
#[utoipa::path(head, path = "/iceberg/v1/namespaces/{namespace}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F")),
    responses((status = 204, description = "it does"), (status = 404, description = "it does not")))]
pub(crate) async fn exists(
    State(catalog): State<Arc<Catalog>>,
    namespace: Namespace,
) -> Result<StatusCode, CatalogError> {
    catalog.namespace(namespace).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Drops an empty namespace.
#[utoipa::path(delete, path = "/iceberg/v1/namespaces/{namespace}",
    params(("namespace" = String, Path, description = "its parts, divided by %1F")),
    responses((status = 204, description = "dropped"), (status = 404, body = IcebergError),
        (status = 409, description = "it is not empty", body = IcebergError)))]
pub(crate) async fn drop(
    State(catalog): State<Arc<Catalog>>,
    namespace: Namespace,
) -> Result<StatusCode, CatalogError> {
    catalog.drop_namespace(namespace).await?;
    Ok(StatusCode::NO_CONTENT)
}
