//! What every route works with.

use std::sync::Arc;

use client::{Chatd, Pathwayd, Queryd, Vectord};
use service::Env;

use crate::Config;
use crate::corpora::Corpora;
use crate::leases::Leases;
use crate::market::Market;
use crate::memory::Memory;
use crate::memory::backlog::Backlog;
use crate::query_vectors::QueryVectors;
use crate::results::ResultCache;
use crate::switches::Switches;

/// The daemon's state: clients, caches, and the backlog of recordings that wait for their index.
pub(crate) struct Matrix {
    pub(crate) config: Config,
    pub(crate) switches: Switches,
    pub(crate) vectors: Arc<QueryVectors>,
    pub(crate) corpora: Corpora,
    pub(crate) results: ResultCache,
    pub(crate) leases: Leases,
    pub(crate) memory: Memory,
    pub(crate) backlog: Backlog,
    pub(crate) vectord: Vectord,
    pub(crate) pathwayd: Pathwayd,
    pub(crate) queryd: Queryd,
    pub(crate) chatd: Chatd,
    pub(crate) market: Market,
}

impl Matrix {
    /// State over the peers of `env`; starts the task that works the backlog off.
    pub(crate) fn new(config: Config, env: &Env) -> Self {
        let vectord = env.peers.vectord();
        let vectors = Arc::new(QueryVectors::new(env.peers.embedd(), &config));
        let memory = Memory::new(vectord.clone(), env.peers.pathwayd(), Arc::clone(&vectors));
        let market = Market::new(env.peers.queryd(), config.facts.market.clone(), config.workers_table());
        Self {
            switches: Switches::from_env(),
            corpora: Corpora::new(vectord.clone()),
            backlog: Backlog::spawn(config.playbook.backlog, memory.clone(), env),
            results: ResultCache::new(&config.result_cache),
            leases: Leases::default(),
            vectors,
            memory,
            market,
            vectord,
            pathwayd: env.peers.pathwayd(),
            queryd: env.peers.queryd(),
            chatd: env.peers.chatd(),
            config,
        }
    }
}
