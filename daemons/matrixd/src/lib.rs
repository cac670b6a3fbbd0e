//! Search over corpora that gets better with every outcome, drafts and validators of what is sent, and retrieve by SQL and
//! vectors.
//!
//! matrixd orchestrates and keeps no durable state: vectors come from embedd, neighbours from vectord, rows from queryd,
//! words from chatd, and what worked is written to pathwayd. Everything held in memory is a cache or a bounded backlog, so that several
//! replicas answer alike.

mod condition;
mod config;
mod corpora;
mod costs;
mod draft;
mod facts;
mod leases;
mod market;
mod matrix;
mod memory;
mod playbooks;
mod query_vectors;
mod results;
mod retrieve;
mod routes;
mod search;
mod sql;
mod switches;

use std::sync::Arc;

use service::{App, Env, Scope};

pub use config::{
    Config, CorpusConfig, DraftConfig, EvidenceConfig, FactsConfig, HoursConfig, MarketConfig,
    PlaybookConfig, ResultCacheConfig, RetrieveConfig,
};
use matrix::Matrix;

/// Builds the daemon; it is ready at once and names the peer that is missing when one is.
///
/// # Errors
/// When a setting is out of bounds; the text says which.
#[expect(clippy::unused_async, reason = "the signature is that of every daemon")]
pub async fn build(config: Config, env: Env) -> anyhow::Result<App> {
    config.check()?;
    let matrix = Arc::new(Matrix::new(config, &env));
    Ok(App::new()
        .read(routes::read(Arc::clone(&matrix)))
        .write(routes::write(Arc::clone(&matrix)))
        .long(Scope::Read, routes::evaluate(Arc::clone(&matrix)))
        .long(Scope::Read, routes::draft(Arc::clone(&matrix)))
        .stream(Scope::Write, routes::import(Arc::clone(&matrix)))
        .long(Scope::Admin, routes::rebuild(matrix)))
}
