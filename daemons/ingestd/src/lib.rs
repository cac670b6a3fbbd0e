//! CSV, NDJSON, JSON and Parquet into tables; background indexing of tables.
//!
//! ```text
//! POST /ingest                  body -> spool -> reader -> data files -> commit        (load)
//! GET /ingest/rejects/{id}      rows that were not taken                              (rejected)
//! POST /tables/{table}/upsert   body, files with such keys -> files without -> commit   (upsert)
//! POST /tables/{table}/delete   files with such rows -> files without -> commit         (deletion)
//! POST /index-jobs              rows that have changed -> text -> embedd -> vectord      (jobs)
//! ```

mod catalogue;
mod config;
mod deletion;
#[cfg(test)]
mod fake;
mod jobs;
mod load;
mod reader;
mod rejected;
mod routes;
mod spool;
mod table_name;
mod upsert;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use lake::Warehouse;
use ledger::{Ledger, idempotency};
use service::{App, Env, Scope};
use tokio::sync::Semaphore;

pub use config::Config;

use catalogue::RemoteCatalogue;
use deletion::Deleter;
use jobs::Jobs;
use load::{Loader, Replays};
use rejected::RejectStore;
use upsert::Upserter;

/// How often old idempotency keys and rejected rows are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Ingestd {
    env: Env,
    loader: Arc<Loader>,
    upserter: Arc<Upserter>,
    deleter: Arc<Deleter>,
    jobs: Jobs,
    event_streams: Arc<Semaphore>,
    rejected: RejectStore,
    loads: Arc<Semaphore>,
    spool_dir: PathBuf,
    max_body_bytes: u64,
}

/// Opens the warehouse and [builds](build_on) the daemon on it.
///
/// # Errors
/// When the daemon's folder, its ledger or the warehouse cannot be used.
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    let warehouse = Warehouse::open(&env.warehouse).context("open the warehouse")?;
    build_on(config, env, warehouse).await
}

/// Opens the ledger, resumes unfinished jobs, and returns the routes of a daemon on `warehouse`.
///
/// # Errors
/// When the daemon's folder or its ledger cannot be used.
pub async fn build_on(config: Config, env: Env, warehouse: Warehouse) -> anyhow::Result<App> {
    let spool_dir = empty_spool(&env)?;
    let path = env.data_dir.join("ingestd.sqlite");
    let ledger = tokio::task::spawn_blocking(move || Ledger::open(&path, load::MIGRATIONS)).await??;
    let probed = warehouse.clone();
    env.ready_after("warehouse", move || {
        let warehouse = probed.clone();
        async move { Ok(warehouse.probe().await?) }
    });
    let catalogue = Arc::new(RemoteCatalogue::new(env.peers.catalogd()));
    let config = Arc::new(config);
    let rejected =
        RejectStore::open(env.data_dir.join("rejects"), &config).context("open the rejected rows")?;
    let replays = Replays::new(ledger.clone());
    let loader =
        Loader::new(warehouse.clone(), catalogue.clone(), replays.clone(), rejected.clone(), &config);
    let (limits, max_rows) = (config.limits(), config.max_upsert_rows);
    let upserter = Upserter::new(warehouse.clone(), catalogue.clone(), replays, limits, max_rows);
    let deleter = Deleter::new(warehouse.clone(), catalogue.clone());
    let jobs = Jobs::new(env.clone(), warehouse, catalogue, ledger.clone(), config.clone());
    jobs.resume().await.context("resume index jobs")?;
    forget_old_keys(&env, ledger.clone(), Duration::from_secs(u64::from(config.idempotency_hours) * 3_600));
    sweep_rejected(&env, rejected.clone());
    let ingestd = Ingestd {
        env: env.clone(),
        loader: Arc::new(loader),
        upserter: Arc::new(upserter),
        deleter: Arc::new(deleter),
        jobs,
        event_streams: Arc::new(Semaphore::new(config.max_event_streams.max(1))),
        rejected,
        loads: Arc::new(Semaphore::new(config.max_loads.max(1))),
        spool_dir,
        max_body_bytes: config.max_body_bytes,
    };
    Ok(App::new()
        .stream(Scope::Write, routes::ingest::router(ingestd.clone()))
        .stream(Scope::Write, routes::tables::upserting(ingestd.clone()))
        .long(Scope::Write, routes::tables::deleting(ingestd.clone()))
        .write(routes::index_jobs::submitting(ingestd.clone()))
        .read(routes::rejects::router(ingestd.clone()))
        .read(routes::index_jobs::watching(ingestd.clone()))
        .long(Scope::Read, routes::index_jobs::following(ingestd))
        .on_shutdown(async move { ledger.close().await }))
}

/// The folder for bodies under way; what a killed process left there is deleted.
fn empty_spool(env: &Env) -> anyhow::Result<PathBuf> {
    let folder = env.data_dir.join("spool");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("empty the spool")?;
    }
    std::fs::create_dir_all(&folder).context("make the spool")?;
    Ok(folder)
}

fn forget_old_keys(env: &Env, ledger: Ledger, age: Duration) {
    let shutdown = env.shutdown.clone();
    env.tasks.spawn(shutdown.run_until_cancelled_owned(async move {
        loop {
            let before =
                jiff::Timestamp::now().as_millisecond() - i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            let forgotten = ledger
                .write(move |transaction| {
                    idempotency::forget_before(transaction, before).map_err(ledger::Error::from)
                })
                .await;
            if let Err(error) = forgotten {
                tracing::warn!(%error, "forget old idempotency keys");
            }
            tokio::time::sleep(FORGET_EVERY).await;
        }
    }));
}

fn sweep_rejected(env: &Env, rejected: RejectStore) {
    let shutdown = env.shutdown.clone();
    env.tasks.spawn(shutdown.run_until_cancelled_owned(async move {
        loop {
            let rejected = rejected.clone();
            let sweep = tokio::task::spawn_blocking(move || rejected.sweep(SystemTime::now()));
            if let Ok(Err(error)) = sweep.await {
                tracing::warn!(%error, "delete old rejected rows");
            }
            tokio::time::sleep(FORGET_EVERY).await;
        }
    }));
}
