//! `GET /catalog/tables`: the catalogue for people.

use std::sync::Arc;

use axum::extract::State;
use service::{ApiError, Json, Result};
use wire::catalog::TableList;

use crate::Catalog;

/// Lists every table with its columns, its current snapshot and the rows in it.
#[utoipa::path(get, path = "/catalog/tables", responses((status = 200, body = TableList)))]
pub(crate) async fn tables(State(catalog): State<Arc<Catalog>>) -> Result<Json<TableList>> {
    let tables = catalog.describe_tables().await.map_err(ApiError::internal)?;
    Ok(Json(TableList { tables }))
}
