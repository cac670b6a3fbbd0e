//! What a daemon finds around it when it is built.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use client::Peers;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Readiness, ServiceToken};

/// How long after a failure [`Env::ready_after`] tries again.
const RETRY: Duration = Duration::from_secs(1);

/// What a daemon finds around it when it is built; cheap to clone.
#[derive(Debug, Clone)]
pub struct Env {
    /// The daemon's own folder; it exists, and no other process of the same daemon uses it.
    pub data_dir: PathBuf,
    /// The URL of the warehouse: `file:///…` or `s3://…`.
    pub warehouse: String,
    /// Clients for the other daemons.
    pub peers: Peers,
    /// With what it makes calls that no user makes.
    pub service_token: ServiceToken,
    /// What `/readyz` says.
    pub readiness: Readiness,
    /// Cancelled when the daemon is asked to stop: background work ends then.
    pub shutdown: CancellationToken,
    /// Background tasks; the daemon exits after they have ended.
    pub tasks: TaskTracker,
}

impl Env {
    /// Keeps the daemon from being ready until `check` succeeds, and repeats it in the background until then. `/readyz`
    /// tells what the error of the last attempt shows; the log tells its causes too.
    pub fn ready_after<F>(&self, what: &'static str, check: impl Fn() -> F + Send + 'static)
    where
        F: Future<Output = anyhow::Result<()>> + Send,
    {
        let readiness = self.readiness.clone();
        readiness.not_ready(what, format!("{what}: it is being checked"));
        let checking = async move {
            let mut told = None;
            while let Err(error) = check().await {
                let reason = error.to_string();
                readiness.not_ready(what, format!("{what}: {reason}"));
                if told.as_ref() != Some(&reason) {
                    tracing::warn!(what, cause = format!("{error:#}"), "not ready yet");
                    told = Some(reason);
                }
                tokio::time::sleep(RETRY).await;
            }
            readiness.ready(what);
        };
        self.tasks.spawn(self.shutdown.clone().run_until_cancelled_owned(checking));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    use client::PeerUrls;

    use super::*;

    async fn reasons_become(env: &Env, expected: &[&str]) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while env.readiness.report().reasons != expected {
            assert!(Instant::now() < deadline, "{:?}", env.readiness.report());
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn daemon_is_ready_once_what_it_waits_for_is_there_and_says_why_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let env = crate::testing::env(folder.path(), PeerUrls::default()).unwrap();
        let is_there = Arc::new(AtomicBool::new(false));
        let look = Arc::clone(&is_there);
        env.ready_after("warehouse", move || {
            let is_there = look.load(Ordering::Relaxed);
            async move {
                anyhow::ensure!(is_there, anyhow::anyhow!("404").context("no such bucket"));
                Ok(())
            }
        });
        reasons_become(&env, &["warehouse: no such bucket"]).await;
        is_there.store(true, Ordering::Relaxed);
        reasons_become(&env, &[]).await;
        assert!(env.readiness.report().ready);
    }
}
