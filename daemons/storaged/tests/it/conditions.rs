use axum::http::{Method, StatusCode};

use crate::Fixture;

#[tokio::test]
async fn create_only_put_is_refused_once_the_object_exists() {
    let storage = Fixture::new().await;
    let create = [("if-none-match", "*")];
    assert_eq!(storage.call(Method::PUT, "a", &create, "first").await.status, StatusCode::OK);
    assert_eq!(storage.call(Method::PUT, "a", &create, "second").await.code(), "precondition_failed");
    assert_eq!(&storage.get("a", &[]).await.body[..], b"first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_create_only_puts_at_once_one_wins() {
    let storage = Fixture::new().await;
    let create = [("if-none-match", "*")];
    let bodies: Vec<String> = (0..16).map(|n| format!("racer {n}")).collect();
    let racers = bodies.iter().map(|body| storage.call(Method::PUT, "prize", &create, body.clone()));
    let answers = futures::future::join_all(racers).await;
    let won: Vec<&String> = bodies
        .iter()
        .zip(&answers)
        .filter(|(_, a)| a.status == StatusCode::OK)
        .map(|(body, _)| body)
        .collect();
    assert_eq!(won.len(), 1);
    assert_eq!(&storage.get("prize", &[]).await.body[..], won[0].as_bytes());
}

#[tokio::test]
async fn put_with_if_match_replaces_only_the_version_it_names() {
    let storage = Fixture::new().await;
    let first = storage.put("a", "1").await.header("etag").to_owned();
    let second = storage.call(Method::PUT, "a", &[("if-match", &first)], "2").await;
    assert_eq!(second.status, StatusCode::OK);
    assert_eq!(
        storage.call(Method::PUT, "a", &[("if-match", &first)], "3").await.code(),
        "precondition_failed"
    );
    assert_eq!(
        storage.call(Method::PUT, "b", &[("if-match", &first)], "3").await.code(),
        "precondition_failed"
    );
    assert_eq!(&storage.get("a", &[]).await.body[..], b"2");
}

#[tokio::test]
async fn condition_that_is_not_understood_is_refused_and_stores_nothing() {
    let storage = Fixture::new().await;
    for headers in [
        &[("if-none-match", "\"x\"")][..],
        &[("if-match", "*")],
        &[("if-match", "\"x\", \"y\"")],
        &[("if-match", "\"x\""), ("if-none-match", "*")],
    ] {
        assert_eq!(
            storage.call(Method::PUT, "a", headers, "x").await.code(),
            "invalid_argument",
            "{headers:?}"
        );
    }
    assert!(storage.keys("").await.is_empty());
}
