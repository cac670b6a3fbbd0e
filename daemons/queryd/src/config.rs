//! The `[queryd]` section.

use std::num::NonZero;
use std::path::Path;

use query_engine::Limits;
use serde::{Deserialize, Serialize};

/// What bounds queryd.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Memory that all queries share for sorting, joining and grouping, bytes; beyond it they spill to disk.
    pub memory_bytes: usize,
    /// The most that all queries spill together, bytes.
    pub spill_bytes: u64,
    /// Queries that run at the same time; more wait.
    pub max_queries: usize,
    /// Queries that wait for one of those to end; more are shed with 429.
    pub max_queued: usize,
    /// The longest a query waits, milliseconds; then it is shed with 429.
    pub queue_timeout_ms: u64,
    /// The longest a query may run, milliseconds; `service.request_timeout_ms` bounds it too.
    pub timeout_ms: u64,
    /// The longest statement, bytes.
    pub max_sql_bytes: usize,
    /// The most rows of a result.
    pub max_rows: usize,
    /// The largest result, bytes in memory.
    pub max_result_bytes: usize,
    /// Threads that one query uses; 0: as many as there are cores.
    pub threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            spill_bytes: 16 << 30,
            max_queries: 16,
            max_queued: 64,
            queue_timeout_ms: 5_000,
            timeout_ms: 30_000,
            max_sql_bytes: 256 << 10,
            max_rows: 100_000,
            max_result_bytes: 128 << 20,
            threads: 0,
        }
    }
}

impl Config {
    /// What one query may use; it spills below `data_dir`.
    pub(crate) fn limits(&self, data_dir: &Path) -> Limits {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        Limits {
            memory_bytes: self.memory_bytes,
            spill_dir: data_dir.join("spill"),
            spill_bytes: self.spill_bytes,
            max_rows: self.max_rows,
            max_result_bytes: self.max_result_bytes,
            threads: if self.threads == 0 { cores() } else { self.threads },
        }
    }
}
