use std::time::{Duration, Instant};

use observerd::Config;
use serde_json::{Value, json};

use crate::{Daemon, event};

async fn record_ten(folder: &std::path::Path) {
    let daemon = Daemon::start(folder).await;
    let batch: Vec<Value> = (0..10).map(|i| event(&i.to_string(), "x")).collect();
    daemon.record(json!(batch)).await;
}

/// The sweep at the start deletes in the background.
async fn wait_for_ids(daemon: &Daemon, expected: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let ids = daemon.ids("").await;
        if ids == expected {
            return;
        }
        assert!(Instant::now() < deadline, "events that are left: {ids:?}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn oldest_events_beyond_the_maximum_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    record_ten(folder.path()).await;
    let daemon = Daemon::start_with(folder.path(), Config { max_events: 3, ..Config::default() }).await;
    wait_for_ids(&daemon, &["7", "8", "9"]).await;
}

#[tokio::test]
async fn events_past_their_age_are_deleted_and_their_positions_not_given_again() {
    let folder = tempfile::tempdir().unwrap();
    record_ten(folder.path()).await;
    let daemon = Daemon::start_with(folder.path(), Config { max_age_h: 0, ..Config::default() }).await;
    wait_for_ids(&daemon, &[]).await;
    drop(daemon);
    let daemon = Daemon::start(folder.path()).await;
    daemon.record(json!([event("new", "x")])).await;
    assert_eq!(daemon.ids("?after=10").await, ["new"]);
}
