//! `/iceberg/v1/namespaces`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use service::Json;
use utoipa::IntoParams;
use wire::catalog::{
    ChangeProperties, ChangedProperties, CreateNamespace, IcebergError, Namespace as NamespaceBody,
    NamespaceList,
};

use super::extract::{IcebergJson, IcebergQuery};
use super::page::Page;
use crate::{Catalog, CatalogError, Namespace};

/// Query of the listing.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ListNamespaces {
    /// The namespace whose children are asked for; the top level if absent.
    parent: Option<String>,
    /// Where the page begins: empty for the first one. Without it, all come at once.
    page_token: Option<String>,
    /// The most entries of a page.
    page_size: Option<usize>,
}

/// Lists the namespaces directly below `parent`.
#[utoipa::path(get, path = "/iceberg/v1/namespaces", params(ListNamespaces), responses(
    (status = 200, body = NamespaceList), (status = 400, body = IcebergError),
    (status = 404, description = "no such parent", body = IcebergError)))]
pub(crate) async fn list(
    State(catalog): State<Arc<Catalog>>,
    IcebergQuery(query): IcebergQuery<ListNamespaces>,
) -> Result<Json<NamespaceList>, CatalogError> {
    let parent = query.parent.filter(|parent| !parent.is_empty());
    let parent = parent.as_deref().map(Namespace::from_path).transpose()?;
    let namespaces = catalog.namespaces(parent).await?;
    let page = Page::of(namespaces, query.page_token, query.page_size, ToString::to_string)?;
    Ok(Json(NamespaceList {
        namespaces: page.entries.iter().map(|namespace| namespace.parts().to_vec()).collect(),
        next_page_token: page.next,
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

/// Sets and removes properties of a namespace.
#[utoipa::path(post, path = "/iceberg/v1/namespaces/{namespace}/properties",
    params(("namespace" = String, Path, description = "its parts, divided by %1F")),
    request_body = ChangeProperties,
    responses((status = 200, body = ChangedProperties), (status = 400, body = IcebergError),
        (status = 404, body = IcebergError),
        (status = 422, description = "a key is to be set and to be removed", body = IcebergError)))]
pub(crate) async fn change_properties(
    State(catalog): State<Arc<Catalog>>,
    namespace: Namespace,
    IcebergJson(request): IcebergJson<ChangeProperties>,
) -> Result<Json<ChangedProperties>, CatalogError> {
    let ChangeProperties { removals, updates } = request;
    let removals = removals.into_iter().collect();
    Ok(Json(catalog.change_properties(namespace, updates, removals).await?))
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
