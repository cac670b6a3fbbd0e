//! The Iceberg REST catalogue: which tables there are, and which version of each is current.
//!
//! A table's truth is its metadata file in the warehouse; this daemon holds one pointer per table to it, in SQLite.
//! A commit writes the next metadata file durably, then moves the pointer and notes the move in one transaction. A
//! crash between the two leaves the old version current and a file that nothing refers to.

mod catalog;
mod config;
mod error;
mod names;
mod routes;

use std::sync::Arc;

use anyhow::Context;
use lake::Warehouse;
use ledger::Ledger;
use service::{App, Env};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use catalog::{Catalog, MIGRATIONS};
pub use config::Config;
pub use error::CatalogError;
pub use names::{Namespace, TableName};

/// Opens the catalogue's database and the warehouse, and builds the daemon on them. It is ready when a remote warehouse
/// has shown that it keeps its word.
///
/// # Errors
/// When the database or the warehouse cannot be opened.
pub async fn build(_config: Config, env: Env) -> anyhow::Result<App> {
    let (database, url) = (env.data_dir.join("catalog.db"), env.warehouse.clone());
    let (ledger, warehouse) = tokio::task::spawn_blocking(move || {
        let ledger = Ledger::open(&database, MIGRATIONS)?;
        let warehouse = Warehouse::open(&url).with_context(|| format!("open the warehouse {url:?}"))?;
        anyhow::Ok((ledger, warehouse))
    })
    .await??;
    let probed = warehouse.clone();
    env.ready_after("warehouse", move || {
        let warehouse = probed.clone();
        async move { Ok(warehouse.probe().await?) }
    });
    let catalog = Arc::new(Catalog::new(ledger.clone(), warehouse));
    let read = OpenApiRouter::new()
        .routes(routes!(routes::config::config))
        .routes(routes!(routes::listing::tables))
        .routes(routes!(routes::namespaces::list))
        .routes(routes!(routes::namespaces::load, routes::namespaces::exists))
        .routes(routes!(routes::tables::list))
        .routes(routes!(routes::tables::load, routes::tables::exists));
    let write = OpenApiRouter::new()
        .routes(routes!(routes::namespaces::create))
        .routes(routes!(routes::tables::create))
        .routes(routes!(routes::tables::commit));
    let admin =
        OpenApiRouter::new().routes(routes!(routes::namespaces::drop)).routes(routes!(routes::tables::drop));
    let rest =
        OpenApiRouter::new().route("/iceberg/v1/{*path}", axum::routing::any(routes::config::not_built));
    Ok(App::new()
        .read(read.with_state(Arc::clone(&catalog)))
        .write(write.with_state(Arc::clone(&catalog)))
        .admin(admin.with_state(catalog))
        .read(rest)
        .on_shutdown(async move { ledger.close().await }))
}
