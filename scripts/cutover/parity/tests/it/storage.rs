//! The storage probe: an S3 server that nobody here wrote, and storaged.

use std::process::Command;

use serde_json::{Value, json};
use testkit::{S3Server, Stack};
use wire::DaemonName;

async fn probe(left: String, right: String) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parity"));
    command
        .args(["storage", "--json", "--left", &left, "--right", &right, "--report-dir"])
        .arg(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    let verdict =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {complaint}"));
    (output.status.code(), verdict)
}

#[tokio::test]
async fn storaged_keeps_and_gives_back_what_an_s3_server_does() {
    let stack = Stack::of(&[DaemonName::Storaged]).start().await.unwrap();
    let s3 = S3Server::start().await.unwrap();
    s3.create_bucket("probed").await.unwrap();
    let ours = stack.http(DaemonName::Storaged).unwrap().url("/storage");
    let theirs = format!("http://127.0.0.1:{}/probed", s3.port());
    let (status, verdict) = probe(theirs.clone(), ours.clone()).await;
    assert_eq!((status, &verdict["outcome"]), (Some(0), &json!("PASS")), "{verdict:#}");
    assert_eq!(s3.keys("probed").await.unwrap(), Vec::<String>::new(), "nothing is left behind");

    let (status, verdict) = probe(format!("{theirs}-that-is-not-there"), ours).await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert!(verdict["cause"].as_str().unwrap().contains("12 of 12"), "{verdict:#}");
}

#[tokio::test]
async fn store_that_does_not_answer_is_skipped() {
    let nowhere = || "http://127.0.0.1:1/bucket".to_owned();
    let (status, verdict) = probe(nowhere(), nowhere()).await;
    assert_eq!((status, &verdict["outcome"]), (Some(3), &json!("SKIPPED")), "{verdict:#}");
}
