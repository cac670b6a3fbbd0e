use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{Daemon, event};

#[tokio::test]
async fn recorded_events_are_listed_in_order_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let first = json!({
        "id": "e-1", "kind": "playbook.recorded", "time": "2026-05-01T10:00:00.123456Z",
        "role": "Forklift Operator", "attributes": {"score": 0.5, "nested": {"a": [1, null]}},
    });
    assert_eq!(
        daemon.record(json!([first, event("e-0", "search")])).await,
        json!({"accepted": 2, "duplicates": 0})
    );
    drop(daemon);
    let daemon = Daemon::start(folder.path()).await;
    let (_, page) = daemon.get("/observer/events").await;
    assert_eq!(page["events"], json!([first, event("e-0", "search")]));
}

#[tokio::test]
async fn an_id_counts_once_in_one_request_and_across_requests() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let batch = json!([event("a", "first"), event("b", "x"), event("a", "second")]);
    assert_eq!(daemon.record(batch.clone()).await, json!({"accepted": 2, "duplicates": 1}));
    assert_eq!(daemon.record(batch).await, json!({"accepted": 0, "duplicates": 3}));
    assert_eq!(daemon.ids("?kind=first").await, ["a"]);
    assert_eq!(daemon.ids("?kind=second").await, [""; 0]);
}

#[tokio::test]
async fn one_bad_event_refuses_the_whole_request_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let with = |field: &str, value: Value| {
        let mut event = event("bad", "x");
        event[field] = value;
        event
    };
    let bad = [
        with("id", json!("")),
        with("id", json!("a\nb")),
        with("id", json!("x".repeat(513))),
        with("kind", json!("no blanks")),
        with("role", json!(" ")),
        with("attributes", json!({"x": "y".repeat(16 * 1024)})),
    ];
    for bad in bad {
        let body = json!({"events": [event("good", "x"), bad]});
        let (status, problem) = daemon.post("/observer/events", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        assert!(problem["detail"].as_str().unwrap().starts_with("events[1]: "), "{problem}");
    }
    for bad in [with("time", json!("yesterday")), with("attributes", json!([])), with("colour", json!("red"))]
    {
        let (status, _) =
            daemon.post("/observer/events", &json!({"events": [event("good", "x"), bad]})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(daemon.ids("").await, [""; 0]);
}

#[tokio::test]
async fn request_without_events_or_with_too_many_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let many: Vec<Value> = (0..1001).map(|i| event(&i.to_string(), "x")).collect();
    for events in [json!([]), json!(many)] {
        let (status, _) = daemon.post("/observer/events", &json!({"events": events})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    daemon.record(json!(many[..1000])).await;
}

#[tokio::test]
async fn reader_who_keeps_next_sees_every_event_once() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let batch: Vec<Value> = (0..25).map(|i| event(&format!("{i:02}"), ["a", "b"][i % 2])).collect();
    daemon.record(json!(batch)).await;
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let path = format!("/observer/events?kind=a&limit=4&after={after}");
        let (_, page) = daemon.get(&path).await;
        let Some(next) = page["next"].as_u64() else { break };
        let ids =
            page["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned());
        seen.extend(ids);
        after = next;
    }
    let expected: Vec<String> = (0..25).step_by(2).map(|i| format!("{i:02}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn hostile_list_parameters_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    for query in ["limit=0", "limit=1001", "after=-1", "after=x", "colour=red"] {
        assert_eq!(
            daemon.get(&format!("/observer/events?{query}")).await.0,
            StatusCode::BAD_REQUEST,
            "{query}"
        );
    }
    assert_eq!(daemon.ids("?after=18446744073709551615").await, [""; 0]);
}

#[tokio::test]
async fn traces_are_answered_with_a_problem_that_says_not_built() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let (status, problem) = daemon.post("/v1/traces", &json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_IMPLEMENTED, &json!("not_implemented")));
}
