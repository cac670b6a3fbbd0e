//! SQL over the lake: one read-only statement a request, answered as JSON, CSV or Arrow.

mod admission;
mod allocator;
mod compute;
mod config;
mod encode;
mod routes;
mod tables;

use std::sync::Arc;

use anyhow::Context;
use lake::Warehouse;
use query_engine::Engine;
use service::{App, Env};
use tokio::sync::Notify;

use crate::admission::Admission;
use crate::compute::Compute;

pub use allocator::keep_freed_memory;
pub use config::Config;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Queryd {
    env: Env,
    engine: Arc<Engine>,
    compute: Arc<Compute>,
    admission: Admission,
    /// Told when a query has ended.
    ended: Arc<Notify>,
    config: Arc<Config>,
}

/// Opens the warehouse and returns the routes.
///
/// # Errors
/// When the warehouse, or the folder for spilling, cannot be used.
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    let warehouse = Warehouse::open(&env.warehouse).context("open the warehouse")?;
    let reached = warehouse.clone();
    env.ready_after("warehouse", move || {
        let warehouse = reached.clone();
        async move { Ok(warehouse.reach().await?) }
    });
    let limits = config.limits(&env.data_dir);
    std::fs::create_dir_all(&limits.spill_dir).context("make the folder for spilling")?;
    let compute = Compute::start(limits.threads).context("start the threads of queries")?;
    let queryd = Queryd {
        env: env.clone(),
        compute: Arc::new(compute),
        engine: Arc::new(Engine::new(warehouse, limits)?),
        admission: Admission::new(&config),
        ended: Arc::default(),
        config: Arc::new(config),
    };
    allocator::spawn(Arc::clone(&queryd.ended), &env);
    Ok(App::new().read(routes::sql::router(queryd)))
}
