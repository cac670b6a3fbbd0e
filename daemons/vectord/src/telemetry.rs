//! What `/metrics` says about indexes.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{gauge, histogram};
use service::Env;
use vector_index::{Disk, Info, Listed, PlainDisk};

use crate::indexes::Indexes;

/// How often the gauges are brought up to date.
const REFRESH: Duration = Duration::from_secs(5);

type Gauge = (&'static str, fn(&Info) -> usize);

/// What is told of each index.
const GAUGES: [Gauge; 7] = [
    ("vectord_index_items", |info| info.count),
    ("vectord_index_sealed_items", |info| info.sealed),
    ("vectord_index_segments", |info| info.segments),
    ("vectord_index_buffered_items", |info| info.buffered),
    ("vectord_index_dead_items", |info| info.dead),
    ("vectord_index_unreachable_items", |info| info.unreachable),
    ("vectord_index_wal_bytes", |info| info.wal_bytes as usize),
];

/// The disk, with a clock at the one operation that every write waits for.
pub(crate) struct TimedDisk;

impl Disk for TimedDisk {
    fn sync_data(&self, file: &File) -> io::Result<()> {
        let started = Instant::now();
        let synced = PlainDisk.sync_data(file);
        histogram!("vectord_wal_sync_seconds").record(started.elapsed().as_secs_f64());
        synced
    }
}

/// Records how long a search computed, waiting and HTTP not counted.
pub(crate) fn record_search(started: Instant) {
    histogram!("vectord_search_seconds").record(started.elapsed().as_secs_f64());
}

/// Keeps the gauges of all indexes fresh until the daemon stops.
pub(crate) fn spawn_gauges(indexes: &Arc<Indexes>, env: &Env) {
    let (indexes, shutdown) = (Arc::clone(indexes), env.shutdown.clone());
    env.tasks.spawn(async move {
        let mut ticks = tokio::time::interval(REFRESH);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            // It may wait for an index's lock. A panic is in the log already, and the next round tries again.
            let indexes = Arc::clone(&indexes);
            let _ = tokio::task::spawn_blocking(move || refresh(&indexes)).await;
        }
    });
}

/// Brings the gauges up to date.
pub(crate) fn refresh(indexes: &Indexes) {
    let Some(store) = indexes.store() else { return };
    let mut quarantined = 0_u32;
    for listed in store.list() {
        let Listed::Open(info) = listed else {
            quarantined += 1;
            continue;
        };
        for (name, value) in GAUGES {
            gauge!(name, "index" => info.name.clone()).set(value(&info) as f64);
        }
    }
    gauge!("vectord_quarantined_indexes").set(f64::from(quarantined));
}

/// An index is gone: its gauges say so.
pub(crate) fn forget(index: &str) {
    for (name, _) in GAUGES {
        gauge!(name, "index" => index.to_owned()).set(0.0);
    }
}
