//! Whether anything has changed since an answer: what `/vectors/versions` and answers to searches say of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::{Value, json};

use crate::{Daemon, assert_problem};

async fn version(daemon: &Daemon, index: &str) -> Value {
    let (status, body) = daemon.post("/vectors/versions", json!({"indexes": [index]})).await;
    assert_eq!(status, 200, "{body}");
    body["versions"][0].clone()
}

/// Incarnation and version.
fn state(answer: &Value) -> (String, u64) {
    let incarnation = answer["incarnation"].as_str().or(answer["searched"]["incarnation"].as_str());
    (incarnation.unwrap().to_owned(), answer["version"].as_u64().unwrap())
}

async fn add(daemon: &Daemon, id: &str, ttl_s: Option<u64>) {
    let item = json!({"id": id, "vector": [1.0, 0.0], "ttl_s": ttl_s});
    assert_eq!(daemon.post("/vectors/index/t/add", json!({"items": [item]})).await.0, 200);
}

async fn search(daemon: &Daemon) -> Value {
    let search = json!({"index": "t", "vector": [1.0, 0.0], "k": 3});
    let (status, body) = daemon.post("/vectors/search", json!({"searches": [search]})).await;
    assert_eq!(status, 200, "{body}");
    body["answers"][0].clone()
}

#[tokio::test]
async fn version_is_that_of_a_search_until_something_changes() {
    let daemon = Daemon::with_index().await;
    add(&daemon, "a", None).await;
    let answer = search(&daemon).await;
    assert_eq!(state(&version(&daemon, "t").await), state(&answer));
    assert_eq!(
        (&answer["searched"]["distance"], &answer["searched"]["exact"]),
        (&json!("cosine"), &json!(true))
    );
    assert!(answer["searched"]["took_ms"].as_f64() > Some(0.0), "{answer}");
    add(&daemon, "b", None).await;
    let after = state(&version(&daemon, "t").await);
    assert_eq!((after.0, after.1), (state(&answer).0, state(&answer).1 + 1));
    daemon.post("/vectors/index/t/delete", json!({"ids": ["a"]})).await;
    assert_eq!(state(&version(&daemon, "t").await), state(&search(&daemon).await));
}

#[tokio::test]
async fn index_that_was_dropped_or_opened_again_never_shows_an_earlier_state() {
    let mut daemon = Daemon::with_index().await;
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        for id in ["a", "b"] {
            add(&daemon, id, None).await;
            assert!(seen.insert(state(&version(&daemon, "t").await)), "round {round}: {seen:?}");
        }
        if round == 1 {
            // With the same versions as before: what is on disk may be an older copy.
            daemon = daemon.restart().await;
            assert!(seen.insert(state(&version(&daemon, "t").await)), "{seen:?}");
        }
        assert_eq!(daemon.delete("/vectors/index/t").await, 204);
        let gone = version(&daemon, "t").await;
        assert_eq!(gone, json!({"index": "t", "version": 0}));
        assert_eq!(daemon.post("/vectors/index", json!({"name": "t", "dimension": 2})).await.0, 201);
        assert!(seen.insert(state(&version(&daemon, "t").await)), "{seen:?}");
    }
}

#[tokio::test]
async fn search_tells_when_the_first_of_its_results_expires() {
    let daemon = Daemon::with_index().await;
    add(&daemon, "stays", None).await;
    assert!(search(&daemon).await["searched"]["expires_in_ms"].is_null());
    add(&daemon, "late", Some(5000)).await;
    add(&daemon, "soon", Some(100)).await;
    let expires_in_ms = search(&daemon).await["searched"]["expires_in_ms"].as_u64().unwrap();
    assert!((50_000..=100_000).contains(&expires_in_ms), "{expires_in_ms}");
}

#[tokio::test]
async fn versions_of_several_indexes_come_in_the_order_of_the_request() {
    let daemon = Daemon::with_index().await;
    let (_, body) = daemon.post("/vectors/versions", json!({"indexes": ["none", "t", "../x"]})).await;
    let names: Vec<&str> =
        body["versions"].as_array().unwrap().iter().map(|v| v["index"].as_str().unwrap()).collect();
    assert_eq!(names, ["none", "t", "../x"]);
    let exists: Vec<bool> =
        body["versions"].as_array().unwrap().iter().map(|v| v["incarnation"].is_string()).collect();
    assert_eq!(exists, [false, true, false]);
    let many = vec!["t"; 101];
    let refused = daemon.post("/vectors/versions", json!({"indexes": many})).await;
    assert_problem(refused, 400, "invalid_argument", "at most 100");
}

/// What `t` answers to who asks for a lease.
async fn leased(daemon: &Daemon) -> Value {
    let (status, body) = daemon.post("/vectors/versions", json!({"indexes": ["t"], "lease": true})).await;
    assert_eq!(status, 200, "{body}");
    body["versions"][0].clone()
}

/// A lease of `t`, as soon as it gives one: when it was asked for, and for how long it lasts.
async fn lease(daemon: &Daemon) -> (Instant, Duration) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let asked = Instant::now();
        if let Some(ms) = leased(daemon).await["lease_ms"].as_u64() {
            return (asked, Duration::from_millis(ms));
        }
        assert!(asked < deadline, "no lease in time");
    }
}

#[tokio::test]
async fn change_is_acknowledged_only_when_the_leases_before_it_are_over() {
    let daemon = Daemon::with_index().await;
    let item = json!({"items": [{"id": "a", "vector": [1.0, 0.0]}]});
    for (path, body, status) in [
        ("/vectors/index/t/add", &item, 200),
        ("/vectors/index/t/add?wait=false", &item, 202),
        ("/vectors/index/t/delete", &json!({"ids": ["a"]}), 200),
    ] {
        let (asked, lease) = lease(&daemon).await;
        assert_eq!(daemon.post(path, body.clone()).await.0, status);
        assert!(asked.elapsed() >= lease, "{path}: {:?} after a lease of {lease:?}", asked.elapsed());
        assert_eq!(leased(&daemon).await["lease_ms"], Value::Null, "{path}");
    }
    let (asked, lease) = lease(&daemon).await;
    assert_eq!(daemon.send(Method::DELETE, "/vectors/index/t", String::new()).await.0, 204);
    assert!(asked.elapsed() >= lease, "{:?} after a lease of {lease:?}", asked.elapsed());
}

#[tokio::test]
async fn lease_is_given_to_who_asks_for_one_and_of_what_exists() {
    let daemon = Daemon::with_index().await;
    lease(&daemon).await;
    assert_eq!(version(&daemon, "t").await["lease_ms"], Value::Null);
    let (_, body) = daemon.post("/vectors/versions", json!({"indexes": ["none"], "lease": true})).await;
    assert_eq!(body["versions"][0]["lease_ms"], Value::Null);
}
