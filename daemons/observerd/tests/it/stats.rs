use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{Daemon, event};

fn at(id: &str, time: &str, role: Option<&str>, attributes: &Value) -> Value {
    json!({"id": id, "kind": "match", "time": time, "role": role, "attributes": attributes})
}

#[tokio::test]
async fn stats_count_by_kind_role_and_hour_and_sum_up_scores() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    daemon
        .record(json!([
            at("1", "2026-05-01T09:59:59.999Z", Some("Welder"), &json!({"score": 0.25})),
            at("2", "2026-05-01T10:00:00Z", Some("Welder"), &json!({"score": 0.75})),
            at("3", "2026-05-01T10:30:00Z", Some("Welder"), &json!({"score": "high"})),
            at("4", "2026-05-01T10:30:00Z", None, &json!({})),
            event("5", "search"),
        ]))
        .await;
    let (_, stats) = daemon.get("/observer/stats?kind=match&since=2026-05-01T00:00:00Z").await;
    assert_eq!(
        stats,
        json!({
            "since": "2026-05-01T00:00:00Z",
            "total": 4,
            "groups": [
                {"kind": "match", "role": "Welder", "count": 3,
                 "score": {"count": 2, "mean": 0.5, "min": 0.25, "max": 0.75}},
                {"kind": "match", "role": null, "count": 1},
            ],
            "hours": [
                {"start": "2026-05-01T09:00:00Z", "count": 1},
                {"start": "2026-05-01T10:00:00Z", "count": 3},
            ],
        })
    );
    let (_, all) = daemon.get("/observer/stats?since=2026-05-01T10:00:00Z").await;
    assert_eq!((&all["total"], all["groups"].as_array().unwrap().len()), (&json!(4), 3));
}

#[tokio::test]
async fn hours_before_1970_begin_before_their_events() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    daemon.record(json!([at("1", "1969-12-31T23:30:00Z", None, &json!({}))])).await;
    let (_, stats) = daemon.get("/observer/stats?since=1960-01-01T00:00:00Z").await;
    assert_eq!(stats["hours"], json!([{"start": "1969-12-31T23:00:00Z", "count": 1}]));
}

#[tokio::test]
async fn stats_cover_the_last_day_when_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let now = jiff::Timestamp::now();
    let hours_ago = |hours| (now - jiff::SignedDuration::from_hours(hours)).to_string();
    daemon
        .record(json!([
            at("old", &hours_ago(25), None, &json!({})),
            at("new", &hours_ago(23), None, &json!({})),
        ]))
        .await;
    assert_eq!(daemon.get("/observer/stats").await.1["total"], 1);
    assert_eq!(daemon.get("/observer/stats?since=never").await.0, StatusCode::BAD_REQUEST);
}
