//! The SQL probe: DuckDB and our stack over the same tables.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Http, PeerServer, Stack};
use wire::DaemonName;

const OEWS: &str = "data/oews/oews_2025_staffing_metro_detailed.parquet";
const MAJORS: &str = "scripts/cutover/parity/src/sql/majors.csv";

fn file(path: &str) -> PathBuf {
    testkit::repository().join(path)
}

async fn load(gateway: &Http, table: &str, path: &str, content_type: &'static str) {
    let rows = fs::read(file(path)).unwrap();
    let call = gateway.call(Method::POST, &format!("/v1/ingest?table={table}&mode=create"));
    call.body(content_type, rows).expect(200).await.unwrap();
}

async fn probe(left: &str, right: &str, folder: &Path) -> (Output, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parity"));
    command.args(["sql", "--json", "--left", left, "--right", right, "--report-dir"]).arg(folder);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    let verdict =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {complaint}"));
    (output, verdict)
}

#[tokio::test]
async fn duckdb_and_we_give_the_same_rows_and_a_row_more_is_a_difference() {
    let daemons = [
        DaemonName::Storaged,
        DaemonName::Catalogd,
        DaemonName::Ingestd,
        DaemonName::Queryd,
        DaemonName::Gateway,
    ];
    let stack = Stack::of(&daemons).start().await.unwrap();
    let gateway = stack.gateway().unwrap();
    load(&gateway, "bls.oews", OEWS, "application/vnd.apache.parquet").await;
    load(&gateway, "bls.majors", MAJORS, "text/csv").await;
    let tables = [("bls.oews", OEWS), ("bls.majors", MAJORS)]
        .map(|(name, path)| format!("{name}={}", file(path).display()));
    let duckdb = PeerServer::duckdb(&tables).await.unwrap();
    let ours = gateway.url("/v1/sql");

    let folder = tempfile::tempdir().unwrap();
    let (output, verdict) = probe(duckdb.url(), &ours, folder.path()).await;
    assert!(output.status.success(), "{verdict:#}");
    assert_eq!(verdict["outcome"], "PASS");
    assert!(verdict["rows"].as_array().unwrap().len() >= 60);

    let more = gateway.call(Method::POST, "/v1/ingest?table=bls.majors");
    more.body("text/csv", "major,title,since\n56,None,\n").expect(200).await.unwrap();
    let (output, verdict) = probe(duckdb.url(), &ours, folder.path()).await;
    assert_eq!((output.status.code(), &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert_eq!(verdict["cause"], "2 of 63 statements differ");
    let log = fs::read_to_string(folder.path().join("PARITY.md")).unwrap();
    assert!(log.contains("PASS | 63/63 |") && log.contains("FAIL | 61/63 |"), "{log}");
}

#[tokio::test]
async fn sql_is_not_compared_with_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let duckdb = PeerServer::duckdb(&[]).await.unwrap();
    let (output, verdict) = probe(duckdb.url(), "http://127.0.0.1:1/v1/sql", folder.path()).await;
    assert_eq!((output.status.code(), &verdict["outcome"]), (Some(3), &json!("SKIPPED")), "{verdict:#}");
}
