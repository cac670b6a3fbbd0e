//! Objects over HTTP: durable put, ranged get, delete, list by prefix; and the same as S3.
//!
//! The face of the warehouse's root: what `lake` writes there (tables) are objects like any other. The promises are
//! those of the `objects` crate; this daemon adds HTTP's conditions and ranges, and bounds what it takes.

mod config;
mod error;
mod range;
mod routes;
mod s3;

use std::sync::Arc;

use anyhow::Context;
use object_store::ObjectStore;
use service::{App, Env, Scope};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use config::{Config, S3Config};

/// What every handler works on.
#[derive(Debug, Clone)]
struct Storage {
    store: Arc<dyn ObjectStore>,
    max_object_bytes: u64,
}

/// Opens the warehouse's root, which sweeps what crashed uploads left, and builds the daemon on it. It is ready when a
/// remote store has shown that it keeps its word.
///
/// # Errors
/// When the store at `lake.warehouse` cannot be opened.
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    let url = env.warehouse.clone();
    let store = tokio::task::spawn_blocking(move || objects::open(&url)).await?;
    let store = store.with_context(|| format!("open the warehouse {:?}", env.warehouse))?;
    let (url, probed) = (env.warehouse.clone(), Arc::clone(&store));
    env.ready_after("warehouse", move || {
        let (url, store) = (url.clone(), Arc::clone(&probed));
        async move { Ok(objects::probe(&url, &*store).await?) }
    });
    let storage = Storage { store, max_object_bytes: config.max_object_bytes };
    let uploads = s3::Uploads::open(env.data_dir.join("s3-uploads"))?;
    if config.s3.enabled {
        s3::start(&config.s3, storage.clone(), uploads.clone(), &env).await?;
    }
    let garbage = routes::garbage::Garbage { warehouse: env.warehouse.clone(), uploads };
    let admin = OpenApiRouter::new().routes(routes!(routes::garbage::collect)).with_state(garbage);
    let list = OpenApiRouter::new().routes(routes!(routes::listing::list));
    let read = OpenApiRouter::new().routes(routes!(routes::objects::get, routes::objects::head));
    let write = OpenApiRouter::new().routes(routes!(routes::objects::put, routes::objects::delete));
    Ok(App::new()
        .read(list.with_state(storage.clone()))
        .admin(admin)
        .stream(Scope::Read, read.with_state(storage.clone()))
        .stream(Scope::Write, write.with_state(storage)))
}
