use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::Fixture;

/// Lays down what a crash leaves: a staging file whose writer is gone, and an upload in parts that nobody completed.
fn leave(storage: &Fixture, age: Duration) -> [PathBuf; 2] {
    let put = storage.dir.path().join("warehouse/.lakehouse/staging/0123");
    fs::write(&put, "half").unwrap();
    let upload = storage.dir.path().join("data/s3-uploads/4567");
    fs::create_dir(&upload).unwrap();
    fs::write(upload.join("key"), "a/b").unwrap();
    for path in [&put, &upload] {
        fs::File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
    }
    [put, upload]
}

async fn collect(storage: &Fixture, request: Value) -> (StatusCode, Value) {
    let json = [("content-type", "application/json")];
    let answer = storage.call(Method::POST, ".lakehouse/gc", &json, request.to_string()).await;
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[tokio::test]
async fn dry_run_lists_unfinished_uploads_and_a_real_one_deletes_them() {
    let storage = Fixture::new().await;
    storage.put("a/object", "kept").await;
    let left = leave(&storage, Duration::from_secs(2 * 24 * 3600));
    let (_, listed) = collect(&storage, json!({"dry_run": true})).await;
    assert_eq!((&listed["upload_count"], &listed["size_bytes"]), (&json!(2), &json!(7)), "{listed}");
    let kinds: Vec<&Value> =
        listed["uploads"].as_array().unwrap().iter().map(|upload| &upload["kind"]).collect();
    assert!(kinds.contains(&&json!("put")) && kinds.contains(&&json!("multipart")), "{listed}");
    assert!(left.iter().all(|path| path.exists()), "a dry run deletes nothing");

    let (_, deleted) = collect(&storage, json!({})).await;
    assert_eq!(deleted["uploads"], listed["uploads"]);
    assert!(left.iter().all(|path| !path.exists()));
    let (_, again) = collect(&storage, json!({})).await;
    assert_eq!(again["upload_count"], 0);
    assert_eq!(storage.get("a/object", &[]).await.body, "kept");
}

#[tokio::test]
async fn uploads_that_may_be_under_way_stay() {
    let storage = Fixture::new().await;
    let young = leave(&storage, Duration::from_secs(3600));
    let (status, found) = collect(&storage, json!({})).await;
    assert_eq!((status, &found["upload_count"]), (StatusCode::OK, &json!(0)));
    let (status, refused) = collect(&storage, json!({"older_than_s": 60})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{refused}");
    assert!(young.iter().all(|path| path.exists()));
}
