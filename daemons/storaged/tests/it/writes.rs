use std::io;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode};
use futures::{StreamExt, stream};
use storaged::Config;

use crate::Fixture;

#[tokio::test]
async fn key_that_escapes_the_root_is_refused_and_nothing_is_written() {
    let storage = Fixture::new().await;
    let hostile = [
        "..%2f..%2fescape",
        "a/%2e%2e/%2e%2e/escape",
        "%2e%2e/escape",
        "%252e%252e%252fescape",
        "%2fetc%2fescape",
        "a//escape",
        "a%00escape",
        "a%5c..%5cescape",
        "escape/",
        ".lakehouse/lock",
        &"x".repeat(256),
        &"x/".repeat(600),
    ];
    for path in hostile {
        for method in [Method::PUT, Method::GET, Method::DELETE] {
            let answer = storage.call(method.clone(), path, &[], "x").await;
            assert_eq!(answer.code(), "invalid_argument", "{method} {path}");
        }
    }
    // Not UTF-8.
    assert_eq!(storage.put("a%ff", "x").await.status, StatusCode::BAD_REQUEST);
    assert!(storage.keys("").await.is_empty());
    let beside: Vec<_> =
        std::fs::read_dir(storage.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(beside.iter().all(|name| name == "data" || name == "warehouse"), "{beside:?}");
}

#[tokio::test]
async fn odd_keys_survive_a_round_trip() {
    let storage = Fixture::new().await;
    for (path, key) in [("a%20b", "a b"), ("100%25", "100%"), ("a%23b%3F", "a#b?"), ("Zo%C3%AB/1", "Zoë/1")]
    {
        assert_eq!(storage.put(path, key).await.json()["key"], key);
        assert_eq!(storage.get(path, &[]).await.body, key);
    }
    assert_eq!(storage.keys("").await, ["100%", "Zoë/1", "a b", "a#b?"]);
}

#[tokio::test]
async fn large_object_is_streamed_through() {
    let storage = Fixture::new().await;
    let chunk = Bytes::from(vec![7u8; 1 << 20]);
    let chunks = stream::iter(vec![chunk.clone(); 24]).map(Ok::<_, io::Error>);
    assert_eq!(storage.put("big", Body::from_stream(chunks)).await.status, StatusCode::OK);
    let get = storage.get("big", &[]).await;
    assert_eq!(get.header("content-length"), (24 << 20).to_string());
    assert!(get.body.chunks(1 << 20).all(|part| part == chunk));
}

#[tokio::test]
async fn body_over_the_bound_is_413_and_stores_nothing() {
    let storage = Fixture::with(Config { max_object_bytes: 10, ..Config::default() }).await;
    assert_eq!(storage.put("exact", "0123456789").await.status, StatusCode::OK);
    assert_eq!(storage.put("told", "01234567890").await.code(), "payload_too_large");
    let untold = stream::iter([Ok::<_, io::Error>("01234567890")]);
    assert_eq!(storage.put("untold", Body::from_stream(untold)).await.code(), "payload_too_large");
    assert_eq!(storage.keys("").await, ["exact"]);
}

#[tokio::test]
async fn upload_that_breaks_off_leaves_the_old_object_and_no_trace() {
    let storage = Fixture::new().await;
    storage.put("a", "old").await;
    for chunks in [1, 24] {
        let sent = stream::iter(vec![Bytes::from(vec![1u8; 1 << 20]); chunks]).map(Ok);
        let broken = sent.chain(stream::once(async { Err(io::Error::from(io::ErrorKind::ConnectionReset)) }));
        assert_eq!(storage.put("a", Body::from_stream(broken)).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(storage.get("a", &[]).await.body, "old");
    // An aborted upload ends when its last write has.
    let staging = storage.dir.path().join("warehouse/.lakehouse/staging");
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::fs::read_dir(&staging).unwrap().count() > 0 {
        assert!(Instant::now() < deadline, "staging files are left");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn deleted_object_is_gone_and_its_key_free() {
    let storage = Fixture::new().await;
    storage.put("a/b", "x").await;
    assert_eq!(storage.put("a", "x").await.code(), "already_exists");
    assert_eq!(storage.call(Method::DELETE, "a/b", &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(storage.get("a/b", &[]).await.code(), "not_found");
    assert_eq!(storage.put("a", "x").await.status, StatusCode::OK);
}
