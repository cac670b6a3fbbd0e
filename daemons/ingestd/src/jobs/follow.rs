//! Jobs that follow their table: a round after every commit that ingestd makes, and, for the commits of others, whenever
//! a look at the catalogue finds one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wire::context::Secret;

use super::Jobs;
use super::peers::JobPeers;
use super::store::{StoredJob, lag_s};
use crate::table_name::TableName;

/// How often `/metrics` gets the lag of an index.
const SHOW_LAG_EVERY: Duration = Duration::from_secs(5);
/// After failures in a row, looks become rarer, up to so many doublings.
const MAX_DOUBLINGS: u32 = 5;

/// Jobs that are waiting or under way.
#[derive(Clone, Default)]
pub(super) struct ActiveJobs(Arc<Mutex<HashMap<String, Active>>>);

/// How a job is reached.
#[derive(Clone)]
pub(super) struct Active {
    table: String,
    pub wake: Arc<Notify>,
    pub cancel: CancellationToken,
}

impl ActiveJobs {
    pub(super) fn insert(&self, job: &StoredJob, cancel: CancellationToken) -> Active {
        let active = Active { table: job.request.table.clone(), wake: Arc::default(), cancel };
        self.0.lock().insert(job.job_id.clone(), active.clone());
        active
    }

    pub(super) fn remove(&self, job_id: &str) {
        self.0.lock().remove(job_id);
    }

    /// Stops a job where it stands.
    pub(super) fn cancel(&self, job_id: &str) {
        if let Some(active) = self.0.lock().get(job_id) {
            active.cancel.cancel();
        }
    }

    fn wake(&self, table: &str) {
        for active in self.0.lock().values().filter(|active| active.table == table) {
            active.wake.notify_one();
        }
    }
}

impl Jobs {
    /// Tells those who follow `table` that it has changed.
    pub(crate) fn table_changed(&self, table: &TableName) {
        self.active.wake(&table.to_string());
    }

    /// One round after the other, for as long as the daemon runs or until the job is cancelled. A round that fails is
    /// repeated: what made it fail may have passed, and the table may have been mended.
    pub(super) async fn follow(
        &self,
        job: &StoredJob,
        token: Option<Secret>,
        wake: &Notify,
        is_resumed: bool,
    ) {
        let following = async {
            let mut outcome = self.round_in_turn(job.clone(), token.clone(), is_resumed).await;
            let mut failures = 0;
            loop {
                failures = if outcome.is_err() { failures + 1 } else { 0 };
                if let Err(error) = self.store.rest(job.job_id.clone(), outcome.err()).await {
                    tracing::error!(job_id = job.job_id, %error, "write down how an index job stands");
                }
                self.wait_for_change(job, token.clone(), wake, failures).await;
                outcome = self.round_in_turn(job.clone(), token.clone(), false).await;
            }
        };
        tokio::select! {
            () = following => {}
            () = self.show_lag(job) => {}
        }
    }

    /// Returns when the table has a snapshot that the index does not reflect, or when it is time to try again.
    async fn wait_for_change(&self, job: &StoredJob, token: Option<Secret>, wake: &Notify, failures: u32) {
        let every =
            Duration::from_secs(self.config.follow_poll_s.max(1)) * (1 << failures.min(MAX_DOUBLINGS));
        loop {
            // Either way the catalogue decides; a wake that comes during a round is kept until here.
            let _ = tokio::time::timeout(every, wake.notified()).await;
            if failures > 0 || self.is_behind(job, token.clone()).await {
                return;
            }
        }
    }

    async fn is_behind(&self, job: &StoredJob, token: Option<Secret>) -> bool {
        let (peers, index) = (self.env.peers.clone(), job.request.index.clone());
        let peers = JobPeers { peers, token, patience: Duration::ZERO, index };
        let source = self.store.source(job.request.table.clone(), job.request.index.clone()).await;
        match (self.table_of(&peers, &job.request).await, source) {
            (Ok(metadata), Ok(source)) => metadata.current_snapshot_id() != source.snapshot_id,
            // The round says what is wrong.
            _ => true,
        }
    }

    async fn show_lag(&self, job: &StoredJob) {
        let (table, index) = (job.request.table.clone(), job.request.index.clone());
        let lag = metrics::gauge!("index_job_lag_seconds", "table" => table, "index" => index);
        loop {
            if let Ok(since_ms) = self.store.behind_since(job.job_id.clone()).await {
                lag.set(lag_s(since_ms));
            }
            tokio::time::sleep(SHOW_LAG_EVERY).await;
        }
    }
}
