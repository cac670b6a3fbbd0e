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
use std::time::Duration;

use anyhow::Context;
use axum::Extension;
use lake::Warehouse;
use ledger::Ledger;
use service::{App, Env, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use routes::config::ClientDefaults;

pub use catalog::{Catalog, MIGRATIONS, RequestKey};
pub use config::Config;
pub use error::CatalogError;
pub use names::{Namespace, TableName};

/// How often idempotency keys that have served their time are forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// Opens the warehouse and [builds](build_on) the daemon on it.
///
/// # Errors
/// When the database or the warehouse cannot be opened.
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    let url = env.warehouse.clone();
    let opened = tokio::task::spawn_blocking(move || {
        Warehouse::open(&url).with_context(|| format!("open the warehouse {url:?}"))
    });
    let warehouse = opened.await??;
    build_on(config, env, warehouse).await
}

/// Opens the catalogue's database, and builds the daemon on it and on `warehouse`. It is ready when a remote warehouse has
/// shown that it keeps its word.
///
/// # Errors
/// When the database cannot be opened.
pub async fn build_on(config: Config, env: Env, warehouse: Warehouse) -> anyhow::Result<App> {
    let database = env.data_dir.join("catalog.db");
    let ledger = tokio::task::spawn_blocking(move || Ledger::open(&database, MIGRATIONS)).await??;
    let probed = warehouse.clone();
    env.ready_after("warehouse", move || {
        let warehouse = probed.clone();
        async move { Ok(warehouse.probe().await?) }
    });
    let catalog = Arc::new(Catalog::new(ledger.clone(), warehouse));
    let (purger, shutdown) = (Arc::clone(&catalog), env.shutdown.clone());
    env.tasks.spawn(async move { shutdown.run_until_cancelled(purger.purge_forever()).await });
    let retention_ms = config.idempotency_retention_h.saturating_mul(3_600_000);
    let sweeping = sweep(Arc::clone(&catalog), i64::try_from(retention_ms).unwrap_or(i64::MAX));
    env.tasks.spawn(env.shutdown.clone().run_until_cancelled_owned(sweeping));

    let read = OpenApiRouter::new()
        .routes(routes!(routes::config::config))
        .layer(Extension(ClientDefaults(config.client_defaults())))
        .routes(routes!(routes::listing::tables))
        .routes(routes!(routes::namespaces::list))
        .routes(routes!(routes::namespaces::load, routes::namespaces::exists))
        .routes(routes!(routes::tables::list))
        .routes(routes!(routes::tables::load, routes::tables::exists))
        .routes(routes!(routes::tables::report_metrics));
    let write = OpenApiRouter::new()
        .routes(routes!(routes::namespaces::create))
        .routes(routes!(routes::namespaces::change_properties))
        .routes(routes!(routes::tables::create))
        .routes(routes!(routes::tables::register))
        .routes(routes!(routes::tables::rename))
        .routes(routes!(routes::tables::commit))
        .routes(routes!(routes::tables::commit_transaction));
    let admin =
        OpenApiRouter::new().routes(routes!(routes::namespaces::drop)).routes(routes!(routes::tables::drop));
    let maintenance = OpenApiRouter::new()
        .routes(routes!(routes::maintenance::compact))
        .routes(routes!(routes::maintenance::expire_snapshots))
        .routes(routes!(routes::maintenance::remove_orphans));
    let rest =
        OpenApiRouter::new().route("/iceberg/v1/{*path}", axum::routing::any(routes::config::not_built));
    Ok(App::new()
        .read(read.with_state(Arc::clone(&catalog)))
        .write(write.with_state(Arc::clone(&catalog)))
        .admin(admin.with_state(Arc::clone(&catalog)))
        .long(Scope::Admin, maintenance.with_state(catalog))
        .read(rest)
        .on_shutdown(async move { ledger.close().await }))
}

/// Forgets idempotency keys that have served their time.
async fn sweep(catalog: Arc<Catalog>, retention_ms: i64) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        ticks.tick().await;
        let before_ms = jiff::Timestamp::now().as_millisecond().saturating_sub(retention_ms);
        if let Err(error) = catalog.forget_keys(before_ms).await {
            tracing::warn!(%error, "forget old idempotency keys");
        }
    }
}
