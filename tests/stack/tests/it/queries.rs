//! What a query costs when nobody waits for it any more.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::{Stack, wait_for};
use wire::DaemonName;

/// Billions of pairs, counted one batch after the other: it runs into `queryd.timeout_ms`, half a minute, if nothing stops it.
const ENDLESS: &str = "SELECT count(a.value + b.value) FROM generate_series(1, 200000) a
    JOIN generate_series(1, 200000) b ON a.value % 2 = b.value % 2";
const PATIENCE: Duration = Duration::from_secs(10);
/// Over which a daemon is watched for being idle; of its 30 ticks on each core, one or two are housekeeping.
const WATCHED_FOR: Duration = Duration::from_millis(300);
const IDLE_TICKS: u64 = 2;

#[tokio::test]
async fn query_stops_using_the_cpu_when_its_client_leaves() -> anyhow::Result<()> {
    let mut stack = Stack::of(&[DaemonName::Gateway, DaemonName::Queryd]).start().await?;
    let gateway = stack.gateway()?;
    let query = tokio::spawn(async move { gateway.post("/v1/sql", &json!({"sql": ENDLESS})).send().await });
    let queryd = stack.daemon(DaemonName::Queryd)?;
    let before = queryd.cpu_ticks()?;
    wait_for("the query to run", PATIENCE, async || {
        let ticks = queryd.cpu_ticks()? - before;
        ensure!(ticks > 20, "it has taken {ticks} ticks");
        Ok(())
    })
    .await?;
    ensure!(!query.is_finished(), "the query has ended by itself: {:?}", query.await);

    query.abort();
    let (mut since, mut before, mut last) = (Instant::now(), queryd.cpu_ticks()?, None);
    wait_for("an idle queryd", PATIENCE, async || {
        if since.elapsed() >= WATCHED_FOR {
            let now = queryd.cpu_ticks()?;
            last = Some(now - before);
            (since, before) = (Instant::now(), now);
        }
        ensure!(last.is_some_and(|ticks| ticks <= IDLE_TICKS), "{last:?} ticks in {WATCHED_FOR:?}");
        Ok(())
    })
    .await
    .context("the query runs on without its client")
}
