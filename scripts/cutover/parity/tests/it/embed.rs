//! `embed_parity.sh` between embedd and ONNX Runtime, which serve the same model; and against sides that are not as they should be.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use axum::http::StatusCode;
use serde_json::{Value, json};
use testkit::{PeerServer, Stack};
use wire::DaemonName;

use crate::support::{NOWHERE, answering, run, verdict};

const MODEL: &str = "all-MiniLM-L6-v2";

/// Runs the script, as an operator does; the report goes to `folder`.
async fn probe(left: &str, right: &str, folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(testkit::repository().join("scripts/cutover/embed_parity.sh"));
    command
        .env("PARITY", env!("CARGO_BIN_EXE_parity"))
        .env("MODEL", MODEL)
        .env("LEFT", left)
        .env("RIGHT", right);
    command.arg("--report-dir").arg(folder).args(more);
    run(command).await
}

/// The one page in `folder`.
fn page(folder: &Path) -> String {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages: Vec<_> =
        names.filter(|name| name.starts_with("embed_parity_") && name.ends_with(".md")).collect();
    assert_eq!(pages.len(), 1, "{pages:?}");
    fs::read_to_string(folder.join(&pages[0])).unwrap()
}

/// Five vectors of two numbers, no two of them alike.
fn five() -> Value {
    json!([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [0.6, 0.8]])
}

#[tokio::test]
async fn embedd_and_onnx_runtime_agree_on_five_of_five_texts_in_every_shape() {
    let mut stack = Stack::of(&[DaemonName::Embedd]).start().await.unwrap();
    let embedd = stack.daemon(DaemonName::Embedd).unwrap().url();
    let onnx = PeerServer::onnx(&embedding_dir()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for path in ["/embed", "/v1/embeddings", "/api/embed"] {
        let output = probe(onnx.url(), &format!("{embedd}{path}"), folder.path(), &["--json"]).await;
        let verdict = verdict(&output);
        assert!(output.status.success(), "{verdict:#}");
        assert_eq!(verdict["outcome"], "PASS", "{verdict:#}");
        let rows = verdict["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row["figure"].as_f64().unwrap() >= 0.9999), "{verdict:#}");
        assert_eq!(verdict["remarks"].as_array().unwrap().len(), 1, "both have unit vectors: {verdict:#}");
    }
    assert!(page(folder.path()).contains("# Parity of `embed`: PASS (5/5)"));
    let log = fs::read_to_string(folder.path().join("PARITY.md")).unwrap();
    assert_eq!((log.matches("| embed |").count(), log.matches("PASS | 5/5 |").count()), (3, 3), "{log}");

    let other =
        probe(onnx.url(), &format!("{embedd}/embed"), folder.path(), &["--json", "--model", "gpt-7"]).await;
    assert_eq!((other.status.code(), &verdict(&other)["outcome"]), (Some(1), &json!("FAIL")));
    assert!(verdict(&other)["cause"].as_str().unwrap().contains("known here: all-MiniLM-L6-v2"));
}

fn embedding_dir() -> std::path::PathBuf {
    let list = testkit::lakectl(&["--json", "models", "list"]).unwrap();
    let list: Value = serde_json::from_slice(&list).unwrap();
    Path::new(list["models_dir"].as_str().unwrap()).join(MODEL)
}

#[tokio::test]
async fn side_that_cannot_be_reached_is_skipped_and_never_passes() {
    let right = answering(StatusCode::OK, json!({"vectors": five(), "dimension": 2, "model": MODEL})).await;
    let busy = answering(StatusCode::SERVICE_UNAVAILABLE, json!({"detail": "embedd does not answer"})).await;
    for (left, cause) in [
        (format!("{NOWHERE}/ai/embed"), "could not be reached"),
        (format!("{busy}/ai/embed"), "embedd does not answer"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = probe(&left, &format!("{right}/v1/embed"), folder.path(), &[]).await;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.starts_with("SKIPPED embed") && said.contains(cause), "{said}");
        assert!(page(folder.path()).contains("SKIPPED (0/0)"));
        let log = fs::read_to_string(folder.path().join("PARITY.md")).unwrap();
        assert!(log.contains("SKIPPED | 0/0 |") && log.contains(cause), "{log}");
    }
}

#[tokio::test]
async fn sides_that_differ_in_dimension_model_or_meaning_fail_with_the_cause() {
    let legacy = |vectors: Value, dimension: u64, model: &str| {
        answering(StatusCode::OK, json!({"embeddings": vectors, "dimensions": dimension, "model": model}))
    };
    let right = answering(StatusCode::OK, json!({"vectors": five(), "dimension": 2, "model": MODEL})).await;
    let wide = json!([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]);
    let turned = json!([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0], [0.0, -1.0], [0.6, 0.8]]);
    let cases = [
        (legacy(wide, 3, MODEL).await, "dimensions differ: left 3, right 2"),
        (legacy(five(), 2, "nomic-embed-text").await, "nomic-embed-text answered"),
        (legacy(turned, 2, MODEL).await, "only 3 of 5"),
        (answering(StatusCode::OK, json!({"vectors": five()})).await, "`embeddings`"),
        (answering(StatusCode::NOT_FOUND, json!({"error": "no such model"})).await, "no such model"),
        (answering(StatusCode::OK, json!({"embeddings": [[1.0, 0.0]]})).await, "1 vectors came back for 5"),
    ];
    for (left, cause) in cases {
        let folder = tempfile::tempdir().unwrap();
        let output =
            probe(&format!("{left}/ai/embed"), &format!("{right}/v1/embed"), folder.path(), &["--json"])
                .await;
        let verdict = verdict(&output);
        assert_eq!((output.status.code(), &verdict["outcome"]), (Some(1), &json!("FAIL")), "{cause}");
        assert!(verdict["cause"].as_str().unwrap().contains(cause), "{cause}: {verdict:#}");
        let log = fs::read_to_string(folder.path().join("PARITY.md")).unwrap();
        assert!(page(folder.path()).contains("**Why:**") && log.contains("FAIL |"), "{log}");
    }
}

#[tokio::test]
async fn address_that_says_nothing_of_its_shape_or_holds_a_password_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (left, reason) in [
        ("http://127.0.0.1:1/", "--left-shape"),
        ("http://user:secret@127.0.0.1:1/ai/embed", "password"),
        ("127.0.0.1:3100", "http://"),
    ] {
        let output = probe(left, "http://127.0.0.1:1/v1/embed", folder.path(), &[]).await;
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains(reason) && !complaint.contains("secret"), "{complaint}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
