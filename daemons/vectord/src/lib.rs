//! Vector indexes over HTTP: create, add, delete, search, drop.
//!
//! A thin face on the crate `vector-index`, whose methods block: every call to it leaves the async threads, except for short
//! searches: see `docs/decisions/0024-searches-over-http.md`.

mod answers;
mod collapse;
mod config;
mod error;
mod expiry;
mod indexes;
mod leases;
mod load;
mod references;
mod routes;
mod snapshots;
mod telemetry;

use std::sync::Arc;

use anyhow::anyhow;
use service::{App, Env, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use config::Config;
use indexes::Indexes;
use snapshots::Snapshots;

/// Builds the daemon. It is alive at once, and ready when its indexes are open.
///
/// # Errors
/// When a setting is out of bounds; the text says which.
#[expect(clippy::unused_async, reason = "the signature is that of every daemon")]
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    config.index.check().map_err(|reason| anyhow!("[vectord.index] {reason}"))?;
    let indexes = Arc::new(Indexes::new(&config, env.readiness.clone()));
    indexes::spawn_open(&indexes, config.index, &env);
    telemetry::spawn_gauges(&indexes, &env);
    expiry::spawn(&indexes, &env);

    let folder = env.data_dir.join("in-transit");
    let snapshots = Arc::new(Snapshots::new(Arc::clone(&indexes), env.peers.storaged(), folder));

    let read = OpenApiRouter::new()
        .routes(routes!(routes::indexes::list))
        .routes(routes!(routes::indexes::info))
        .routes(routes!(routes::items::item))
        .routes(routes!(routes::search::search))
        .routes(routes!(routes::search::search_any))
        .routes(routes!(routes::versions::versions));
    let write = OpenApiRouter::new()
        .routes(routes!(routes::indexes::create))
        .routes(routes!(routes::items::add))
        .routes(routes!(routes::items::delete));
    let admin = OpenApiRouter::new().routes(routes!(routes::indexes::drop_index));
    let transfers = OpenApiRouter::new()
        .routes(routes!(routes::snapshots::take))
        .routes(routes!(routes::snapshots::restore));
    Ok(App::new()
        .long(Scope::Admin, transfers.with_state(snapshots))
        .read(read.with_state(Arc::clone(&indexes)))
        .write(write.with_state(Arc::clone(&indexes)))
        .admin(admin.with_state(indexes)))
}
