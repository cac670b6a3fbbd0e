//! The storage probe: an S3 server that nobody here wrote, and storaged.

use serde_json::json;
use testkit::{S3Server, Stack};
use wire::DaemonName;

use crate::support::{NOWHERE, S3_TOKEN, probe};

#[tokio::test]
async fn storaged_keeps_and_gives_back_what_an_s3_server_does() {
    let stack = Stack::of(&[DaemonName::Storaged]).start().await.unwrap();
    let s3 = S3Server::start().await.unwrap();
    s3.create_bucket("probed").await.unwrap();
    let ours = stack.http(DaemonName::Storaged).unwrap().url("/storage");
    let theirs = format!("http://127.0.0.1:{}/probed", s3.port());
    let (folder, signed) = (tempfile::tempdir().unwrap(), ["--left-token-env", S3_TOKEN.0]);
    let (status, verdict) = probe("storage", [&theirs, &ours], folder.path(), &signed).await;
    assert_eq!((status, &verdict["outcome"]), (Some(0), &json!("PASS")), "{verdict:#}");
    assert_eq!(s3.keys("probed").await.unwrap(), Vec::<String>::new(), "nothing is left behind");

    let missing = format!("{theirs}-that-is-not-there");
    let (status, verdict) = probe("storage", [&missing, &ours], folder.path(), &signed).await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert!(verdict["cause"].as_str().unwrap().contains("12 of 12"), "{verdict:#}");
}

#[tokio::test]
async fn store_that_does_not_answer_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let (status, verdict) = probe("storage", [NOWHERE; 2], folder.path(), &[]).await;
    assert_eq!((status, &verdict["outcome"]), (Some(3), &json!("SKIPPED")), "{verdict:#}");
}
