//! The `[ingestd]` section.

use serde::{Deserialize, Serialize};

use crate::reader::Limits;

/// Rows in one batch: enough to make per-batch costs small, few enough to stay in cache.
const BATCH_ROWS: usize = 8_192;
/// Bytes of text that are read at once: enough to make the cost of passing them on small.
const PIECE_BYTES: usize = 1 << 20;

/// What bounds ingestd.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The largest body after decompression, bytes; it is spooled to disk, not held in memory.
    pub max_body_bytes: u64,
    /// The longest row of a CSV or JSON body, bytes.
    pub max_row_bytes: usize,
    /// Rows that choose the types of a new table.
    pub inference_rows: usize,
    /// Rows of one upsert; their keys are held in memory, about 100 bytes each.
    pub max_upsert_rows: usize,
    /// Bodies that are written at the same time; more are shed with 429.
    pub max_loads: usize,
    /// Threads that read and encode one body; 0: as many as there are cores. All bodies together have as many, and each at
    /// least one.
    pub load_threads: usize,
    /// How long rejected rows are kept to be fetched, hours.
    pub rejects_hours: u32,
    /// Rejected rows of one body that are kept, bytes of NDJSON.
    pub max_rejects_bytes: u64,
    /// Those of all bodies together; the oldest go first.
    pub max_all_rejects_bytes: u64,
    /// How long an `Idempotency-Key` is remembered, hours.
    pub idempotency_hours: u32,
    /// Index jobs that run at the same time; more wait.
    pub max_jobs: usize,
    /// Index jobs that follow their tables.
    pub max_followed: usize,
    /// How often such a job asks catalogd for commits that others made, seconds; it knows of ingestd's own at once.
    pub follow_poll_s: u64,
    /// Open streams of job events; more are shed with 429.
    pub max_event_streams: usize,
    /// Texts in one call to embedd.
    pub index_batch_rows: usize,
    /// Batches of one job that are under way at the same time.
    pub index_batches_in_flight: usize,
    /// How long after its first failure a job waits for embedd or vectord to come back before it fails, seconds.
    pub peer_patience_s: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_body_bytes: 16 << 30,
            max_row_bytes: 8 << 20,
            inference_rows: 10_000,
            max_upsert_rows: 4_000_000,
            max_loads: 4,
            load_threads: 0,
            rejects_hours: 7 * 24,
            max_rejects_bytes: 64 << 20,
            max_all_rejects_bytes: 1 << 30,
            idempotency_hours: 7 * 24,
            max_jobs: 2,
            max_followed: 64,
            follow_poll_s: 30,
            max_event_streams: 256,
            index_batch_rows: 64,
            index_batches_in_flight: 4,
            peer_patience_s: 120,
        }
    }
}

impl Config {
    /// What bounds the memory of reading a body.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            inference_rows: self.inference_rows.max(1),
            max_row_bytes: self.max_row_bytes,
            batch_rows: BATCH_ROWS,
            piece_bytes: PIECE_BYTES,
        }
    }

    /// [`Self::load_threads`], resolved.
    pub(crate) fn threads(&self) -> usize {
        match self.load_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}
