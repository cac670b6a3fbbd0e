//! The SQL probe: DuckDB and our stack over the same tables.

use std::fs;
use std::path::PathBuf;

use reqwest::Method;
use serde_json::json;
use testkit::{Http, PeerServer, Stack};
use wire::DaemonName;

use crate::support::{NOWHERE, probe};

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
    let (status, verdict) = probe("sql", [duckdb.url(), &ours], folder.path(), &[]).await;
    assert_eq!((status, &verdict["outcome"]), (Some(0), &json!("PASS")), "{verdict:#}");
    assert!(verdict["rows"].as_array().unwrap().len() >= 60);

    let more = gateway.call(Method::POST, "/v1/ingest?table=bls.majors");
    more.body("text/csv", "major,title,since\n56,None,\n").expect(200).await.unwrap();
    let (status, verdict) = probe("sql", [duckdb.url(), &ours], folder.path(), &[]).await;
    assert_eq!((status, &verdict["outcome"]), (Some(1), &json!("FAIL")), "{verdict:#}");
    assert_eq!(verdict["cause"], "2 of 63 statements differ");
    let log = fs::read_to_string(folder.path().join("PARITY.md")).unwrap();
    assert!(log.contains("PASS | 63/63 |") && log.contains("FAIL | 61/63 |"), "{log}");
}

#[tokio::test]
async fn sql_is_not_compared_with_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let duckdb = PeerServer::duckdb(&[]).await.unwrap();
    let (status, verdict) = probe("sql", [duckdb.url(), NOWHERE], folder.path(), &[]).await;
    assert_eq!((status, &verdict["outcome"]), (Some(3), &json!("SKIPPED")), "{verdict:#}");
}
