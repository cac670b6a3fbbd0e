//! `POST /ingest` over HTTP.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use client::PeerUrls;
use flate2::Compression;
use flate2::write::GzEncoder;
use lake::Warehouse;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tower::ServiceExt;
use wire::DaemonName;

use crate::catalogd::{Catalogd, serve};

/// The labour statistics that the repository carries, from where cargo runs the tests of a package.
const OEWS: &str = "../../data/oews/oews_2025_staffing_metro_detailed.parquet";

pub(crate) struct Ingestd {
    _folder: TempDir,
    pub(crate) catalogd: Arc<Catalogd>,
    router: Router,
}

impl Ingestd {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().join("warehouse").display());
        let catalogd = Arc::new(Catalogd {
            warehouse: Warehouse::open(&url).unwrap(),
            tables: Mutex::new(HashMap::new()),
        });
        let mut urls = PeerUrls::default();
        urls.set(DaemonName::Catalogd, serve(catalogd.clone()).await);
        urls.set(DaemonName::Vectord, nobody().await);
        Self::with_peers(folder, catalogd, urls).await
    }

    async fn with_peers(folder: TempDir, catalogd: Arc<Catalogd>, urls: PeerUrls) -> Self {
        let env = service::testing::env(folder.path(), urls).unwrap();
        let (max_body_bytes, peer_patience_s) = (32 << 20, 0);
        let config = ingestd::Config { max_body_bytes, peer_patience_s, ..ingestd::Config::default() };
        let app = ingestd::build(config, env.clone()).await.unwrap();
        let router = service::testing::router(DaemonName::Ingestd, app, &env).unwrap();
        Self { _folder: folder, catalogd, router }
    }

    pub(crate) async fn post(
        &self,
        query: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> (StatusCode, Value) {
        self.post_to(&format!("/ingest?{query}"), headers, body).await
    }

    pub(crate) async fn post_to(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> (StatusCode, Value) {
        let request =
            headers.iter().fold(Request::post(path), |request, (name, value)| request.header(*name, *value));
        let response = self.router.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Status and body of a request without one.
    pub(crate) async fn call(&self, method: Method, path: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn snapshots(&self) -> Vec<Option<i64>> {
        self.catalogd
            .tables
            .lock()
            .await
            .values()
            .map(|version| version.metadata.current_snapshot_id())
            .collect()
    }
}

/// A URL at which nobody answers: its port was free a moment ago.
async fn nobody() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(crate) const CSV: (&str, &str) = ("content-type", "text/csv; charset=utf-8");

#[tokio::test]
async fn rows_of_every_format_land_in_the_table() {
    let ingestd = Ingestd::new().await;
    let (status, answer) = ingestd.post("table=hr.people&mode=create", &[CSV], "id,zip\n1,00123\n").await;
    assert_eq!((status, &answer["rows_written"]), (StatusCode::OK, &1.into()), "{answer}");
    assert_eq!(answer["snapshot_id"].as_i64(), ingestd.snapshots().await[0]);
    let ndjson = ("content-type", "application/x-ndjson");
    let (status, answer) = ingestd.post("table=hr.people", &[ndjson], "{\"id\":2,\"zip\":\"00501\"}\n").await;
    assert_eq!((status, &answer["rows_written"]), (StatusCode::OK, &1.into()), "{answer}");
    let gzipped = gzip(b"id\tzip\n3\t1\n");
    let (status, answer) =
        ingestd.post("table=hr.people&format=tsv", &[("content-encoding", "gzip")], gzipped).await;
    assert_eq!((status, &answer["rows_written"]), (StatusCode::OK, &1.into()), "{answer}");
    let zstd = zstd::encode_all(&b"id,zip\n4,00502\n"[..], 3).unwrap();
    let (status, answer) = ingestd.post("table=hr.people", &[CSV, ("content-encoding", "zstd")], zstd).await;
    assert_eq!((status, &answer["rows_written"]), (StatusCode::OK, &1.into()), "{answer}");
}

#[tokio::test]
async fn labour_statistics_land_whole() {
    let ingestd = Ingestd::new().await;
    let body = std::fs::read(OEWS).unwrap();
    let (status, answer) = ingestd.post("table=bls.oews&format=parquet", &[], body).await;
    assert_eq!((status, &answer["rows_written"]), (StatusCode::OK, &67_809.into()), "{answer}");
}

#[tokio::test]
async fn repeated_key_is_answered_from_memory() {
    let ingestd = Ingestd::new().await;
    let key = [CSV, ("idempotency-key", "k-1")];
    let (_, first) = ingestd.post("table=hr.people", &key, "id\n1\n").await;
    let (status, second) = ingestd.post("table=hr.people", &key, "id\n1\n").await;
    assert_eq!((status, &second["replayed"]), (StatusCode::OK, &true.into()));
    assert_eq!(first["snapshot_id"], second["snapshot_id"]);
    let (status, _) = ingestd.post("table=hr.people", &key, "id\n2\n").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// Query, headers, body and the status of the answer.
type Case = (&'static str, Vec<(&'static str, &'static str)>, Vec<u8>, u16);

#[tokio::test]
async fn hostile_requests_get_a_4xx_that_says_why_and_change_nothing() {
    let ingestd = Ingestd::new().await;
    ingestd.post("table=hr.people", &[CSV], "id,zip\n1,00123\n").await;
    let before = ingestd.snapshots().await;
    let whole = std::fs::read(OEWS).unwrap();
    let mut holed = whole.clone();
    holed[1_000..60_000].fill(0xA5);
    let huge = [b"id,zip\n1,".as_slice(), &vec![b'x'; 10 << 20], b"\n"].concat();
    let gz = ("content-encoding", "gzip");
    let cases: Vec<Case> = vec![
        ("table=hr.people", vec![CSV], b"".to_vec(), 400),
        ("table=hr.people", vec![CSV], b"id,zip\n".to_vec(), 422),
        ("table=hr.people", vec![CSV], b"id,id\n1,2\n".to_vec(), 400),
        ("table=hr.people", vec![CSV], b"id,zip\n1\n".to_vec(), 422),
        ("table=hr.people", vec![CSV], b"id,zip\n1,\"2\n".to_vec(), 400),
        ("table=hr.people", vec![CSV], b"id,zap\n1,2\n".to_vec(), 422),
        ("table=hr.people", vec![CSV], b"id,zip\n1,a\0b\n".to_vec(), 422),
        ("table=hr.people", vec![CSV], b"id,zip\n1,\xff\n".to_vec(), 422),
        ("table=hr.people", vec![CSV], b"\xff\xfei\0d\0\n\0".to_vec(), 400),
        ("table=hr.people&on_error=skip", vec![CSV], b"id,zip\nx,1\ny,2\n".to_vec(), 422),
        ("table=hr.people", vec![CSV], huge, 422),
        ("table=hr.people", vec![CSV], vec![b'x'; 33 << 20], 413),
        ("table=hr.people", vec![CSV, gz], b"not gzip".to_vec(), 400),
        ("table=hr.people", vec![CSV, gz], gzip(&vec![0; 40 << 20]), 413),
        ("table=hr.people", vec![CSV, ("content-encoding", "br")], b"x".to_vec(), 415),
        ("table=hr.people", vec![("content-type", "application/xml")], b"<id/>".to_vec(), 415),
        ("table=hr.people", vec![], b"id\n1\n".to_vec(), 415),
        ("table=hr.people&format=ndjson", vec![], b"[1]\n".to_vec(), 422),
        ("table=bls.new&format=ndjson", vec![], b"[1]\n".to_vec(), 400),
        ("table=bls.new&format=parquet", vec![], whole[..whole.len() / 2].to_vec(), 400),
        ("table=bls.new&format=parquet", vec![], holed, 400),
        ("table=bls.new&format=parquet", vec![], b"PAR1PAR1".to_vec(), 400),
        ("table=hr.missing&mode=append", vec![CSV], b"id\n1\n".to_vec(), 404),
        ("table=hr.people&mode=create", vec![CSV], b"id\n1\n".to_vec(), 409),
        ("table=people", vec![CSV], b"id\n1\n".to_vec(), 400),
        ("table=../x.y", vec![CSV], b"id\n1\n".to_vec(), 400),
        ("table=hr.people&mode=upsert", vec![CSV], b"id\n1\n".to_vec(), 400),
        ("table=hr.people&colour=red", vec![CSV], b"id\n1\n".to_vec(), 400),
        ("mode=append", vec![CSV], b"id\n1\n".to_vec(), 400),
        ("table=hr.people", vec![CSV, ("idempotency-key", "")], b"id\n1\n".to_vec(), 400),
    ];
    for (query, headers, body, expected) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
        let (status, problem) = ingestd.post(query, &headers, body).await;
        assert_eq!(status, expected, "{query} {headers:?} {shown:?}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{query}: {problem}");
        assert_eq!(ingestd.snapshots().await, before, "{query} {shown:?}");
    }
}

#[tokio::test]
async fn missing_catalogue_is_named_in_a_503() {
    let mut urls = PeerUrls::default();
    urls.set(DaemonName::Catalogd, nobody().await);
    let folder = tempfile::tempdir().unwrap();
    let warehouse = Warehouse::open(&format!("file://{}", folder.path().display())).unwrap();
    let catalogd = Arc::new(Catalogd { warehouse, tables: Mutex::new(HashMap::new()) });
    let ingestd = Ingestd::with_peers(folder, catalogd, urls).await;
    let (status, problem) = ingestd.post("table=hr.people", &[CSV], "id\n1\n").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["code"], "peer_unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("catalogd"));
}
