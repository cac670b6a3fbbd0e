//! `POST /sql` on the served router, called in process, with a catalogue of one table beside it.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::ipc::reader::StreamReader;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use client::PeerUrls;
use lake::rest::{CreateTable, LoadedTable};
use lake::{TableMetadata, TableWriter, Warehouse};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use wire::DaemonName;

struct Queryd {
    _folder: TempDir,
    router: Router,
    snapshot_id: i64,
}

/// The table `hr.people`, with two rows.
async fn people(warehouse: &Warehouse) -> TableMetadata {
    let rows = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 1 << 60])) as ArrayRef),
        ("zip", Arc::new(StringArray::from(vec!["00123", "a,\"b\""])) as ArrayRef),
    ])
    .unwrap();
    let schema = lake::iceberg_schema(&rows.schema()).unwrap();
    let empty = lake::create(warehouse, &["hr".to_owned()], CreateTable::new("people", schema)).unwrap();
    let mut writer = TableWriter::new(warehouse, &empty.metadata).unwrap();
    writer.write(&rows).await.unwrap();
    let files = writer.finish().await.unwrap();
    let change = lake::append(warehouse, &empty.metadata, files, HashMap::new()).await.unwrap();
    lake::commit(warehouse, &empty, &change.requirements, change.updates).unwrap().metadata
}

/// Serves the catalogue on a free port and returns its URL.
async fn serve_catalogue(metadata: TableMetadata) -> String {
    let load = async move |Path(table): Path<String>| -> Response {
        if table != "people" {
            let error = json!({"error": {"message": "no", "type": "NoSuchTableException", "code": 404}});
            return (StatusCode::NOT_FOUND, Json(error)).into_response();
        }
        Json(LoadedTable { metadata_location: None, metadata: metadata.clone(), config: HashMap::new() })
            .into_response()
    };
    let table = json!({"name": "hr.people", "location": "", "snapshot_id": 1, "rows": 2, "columns": [], "updated_ms": 0});
    let list = json!({"tables": [table]});
    let router = Router::new()
        .route("/iceberg/v1/namespaces/hr/tables/{table}", get(load))
        .route("/catalog/tables", get(async move || Json(list)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

impl Queryd {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let warehouse =
            Warehouse::open(&format!("file://{}", folder.path().join("warehouse").display())).unwrap();
        let metadata = people(&warehouse).await;
        let snapshot_id = metadata.current_snapshot_id().unwrap();
        let url = serve_catalogue(metadata).await;
        let config = queryd::Config { max_rows: 1_000, ..queryd::Config::default() };
        Self::start(config, folder, url, snapshot_id).await
    }

    async fn start(config: queryd::Config, folder: TempDir, url: String, snapshot_id: i64) -> Self {
        let mut urls = PeerUrls::default();
        urls.set(DaemonName::Catalogd, url);
        let env = service::testing::env(folder.path(), urls).unwrap();
        let app = queryd::build(config, env.clone()).await.unwrap();
        let router = service::testing::router(DaemonName::Queryd, app, &env).unwrap();
        Self { _folder: folder, router, snapshot_id }
    }

    async fn send(&self, accept: &str, body: Value) -> (StatusCode, HeaderMap, Bytes) {
        self.send_to("/sql", accept, body).await
    }

    async fn send_to(&self, path: &str, accept: &str, body: Value) -> (StatusCode, HeaderMap, Bytes) {
        let request = Request::post(path).header("accept", accept).header("content-type", "application/json");
        let response =
            self.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, to_bytes(body, 1 << 20).await.unwrap())
    }

    async fn sql(&self, sql: &str) -> (StatusCode, Value) {
        let (status, _, body) = self.send("application/json", json!({"sql": sql})).await;
        (status, serde_json::from_slice(&body).unwrap())
    }
}

#[tokio::test]
async fn answer_has_columns_rows_count_and_the_snapshot_in_a_header() {
    let queryd = Queryd::new().await;
    let body = json!({"sql": "SELECT id, zip FROM hr.people WHERE zip <> $1 ORDER BY id", "params": ["x"]});
    let (status, headers, body) = queryd.send("*/*", body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["x-lakehouse-snapshots"], format!("hr.people={}", queryd.snapshot_id));
    let expected = json!({
        "columns": [{"name": "id", "type": "Int64"}, {"name": "zip", "type": "Utf8"}],
        "rows": [[1, "00123"], ["1152921504606846976", "a,\"b\""]],
        "row_count": 2,
    });
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
}

#[tokio::test]
async fn csv_and_arrow_carry_the_same_rows() {
    let queryd = Queryd::new().await;
    let query = || json!({"sql": "SELECT id, zip FROM hr.people ORDER BY id"});
    let (_, headers, body) = queryd.send("text/csv", query()).await;
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert_eq!(body, "id,zip\n1,00123\n1152921504606846976,\"a,\"\"b\"\"\"\n");
    let (_, _, body) = queryd.send("application/vnd.apache.arrow.stream", query()).await;
    let batches: Vec<_> = StreamReader::try_new(&body[..], None).unwrap().map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    let (_, _, body) = queryd.send("text/csv", json!({"sql": "SELECT id FROM hr.people WHERE id < 0"})).await;
    assert_eq!(body, "id\n", "an empty result keeps its columns");
}

#[tokio::test]
async fn lines_of_json_and_parquet_carry_the_same_rows_whoever_asks_how() {
    let queryd = Queryd::new().await;
    let query = || json!({"sql": "SELECT id, zip FROM hr.people ORDER BY id"});
    let lines = "{\"id\":1,\"zip\":\"00123\"}\n{\"id\":\"1152921504606846976\",\"zip\":\"a,\\\"b\\\"\"}\n";
    let (_, headers, body) = queryd.send("application/x-ndjson", query()).await;
    assert_eq!((body, &headers["content-type"]), (lines.into(), &"application/x-ndjson".parse().unwrap()));
    let (_, _, body) = queryd.send_to("/sql?format=ndjson", "text/csv", query()).await;
    assert_eq!(body, lines, "the URL goes before the header");
    let twice = json!({"sql": "SELECT id, id FROM hr.people"});
    let (status, ..) = queryd.send("application/x-ndjson", twice).await;
    assert!(status.is_client_error(), "one member would hide the other");

    let (_, headers, body) = queryd.send_to("/sql?format=parquet", "*/*", query()).await;
    assert_eq!(headers["content-type"], "application/vnd.apache.parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(body).unwrap().build().unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert_eq!(batches[0].schema().field(1).name(), "zip");
    let empty = json!({"sql": "SELECT id FROM hr.people WHERE id < 0"});
    let (_, _, body) = queryd.send_to("/sql?format=parquet", "*/*", empty.clone()).await;
    assert_eq!(ParquetRecordBatchReaderBuilder::try_new(body).unwrap().schema().field(0).name(), "id");
    assert_eq!(queryd.send("application/x-ndjson", empty).await.2, "");
}

#[tokio::test]
async fn error_is_never_inside_a_200() {
    let queryd = Queryd::new().await;
    for (sql, expected, code) in [
        ("SELEC 1", 400, "invalid_argument"),
        ("SELECT nope FROM hr.people", 400, "invalid_argument"),
        ("DROP TABLE hr.people", 400, "invalid_argument"),
        ("SELECT 1; SELECT 2", 400, "invalid_argument"),
        ("SELECT * FROM hr.peopel", 404, "not_found"),
        ("SELECT CAST(zip AS INT) FROM hr.people", 422, "unprocessable"),
        ("SELECT * FROM generate_series(1, 1001)", 422, "unprocessable"),
    ] {
        let (status, problem) = queryd.sql(sql).await;
        assert_eq!((status.as_u16(), &problem["code"]), (expected, &code.into()), "{sql}: {problem}");
    }
    let (_, problem) = queryd.sql("SELECT * FROM hr.peopel").await;
    assert!(
        problem["detail"].as_str().unwrap().contains("hr.people"),
        "the nearest table is named: {problem}"
    );
}

#[tokio::test]
async fn explain_analyze_runs_the_query_and_shows_what_it_did() {
    let queryd = Queryd::new().await;
    let (status, answer) = queryd.sql("EXPLAIN ANALYZE SELECT zip FROM hr.people WHERE id > 1").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let plan = answer["rows"][0][1].as_str().unwrap();
    assert!(plan.contains("DataSourceExec") && plan.contains("output_rows=1"), "{plan}");
}

/// A queryd whose catalogue takes connections and never answers: a query of a table keeps its turn until it is dropped.
async fn stuck(config: queryd::Config) -> (Queryd, tokio::net::TcpListener) {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    (Queryd::start(config, tempfile::tempdir().unwrap(), url, 0).await, silent)
}

#[tokio::test]
async fn one_query_too_many_waits_its_turn_and_the_next_is_told_to_come_again() {
    let config = queryd::Config { max_queries: 1, max_queued: 1, ..Default::default() };
    let (queryd, _silent) = stuck(config).await;
    let mut first = Box::pin(queryd.sql("SELECT * FROM hr.people"));
    let mut second = Box::pin(queryd.sql("SELECT 1 AS one"));
    let (status, headers, problem) = tokio::select! {
        biased;
        answer = &mut first => panic!("it must not have ended: {answer:?}"),
        answer = &mut second => panic!("it must wait: {answer:?}"),
        third = queryd.send("*/*", json!({"sql": "SELECT 1 AS one"})) => third,
    };
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{problem:?}");
    assert_eq!(headers["retry-after"], "1");
    // Its client leaves.
    drop(first);
    assert_eq!(second.await.1["rows"], json!([[1]]));
}

#[tokio::test]
async fn query_that_waits_too_long_is_told_to_come_again() {
    let config = queryd::Config { max_queries: 1, max_queued: 1, queue_timeout_ms: 50, ..Default::default() };
    let (queryd, _silent) = stuck(config).await;
    let mut first = Box::pin(queryd.sql("SELECT * FROM hr.people"));
    let (status, problem) = tokio::select! {
        biased;
        answer = &mut first => panic!("it must not have ended: {answer:?}"),
        second = queryd.sql("SELECT 1") => second,
    };
    assert_eq!((status, &problem["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("overloaded")));
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let queryd = Queryd::new().await;
    for body in [
        json!({}),
        json!({"sql": 1}),
        json!({"sql": "SELECT 1", "limit": 5}),
        json!({"sql": "SELECT $1", "params": [[1]]}),
        json!({"sql": "SELECT $1", "params": [18_446_744_073_709_551_615_u64]}),
        json!({"sql": "SELECT $1"}),
        json!({"sql": format!("SELECT '{}'", "x".repeat(300_000))}),
    ] {
        let (status, _, answer) = queryd.send("*/*", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer:?}");
    }
    let (status, ..) = queryd.send_to("/sql?format=xml", "*/*", json!({"sql": "SELECT 1"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn snapshot_that_is_asked_for_is_read_and_named() {
    let queryd = Queryd::new().await;
    let id = queryd.snapshot_id;
    let sql = format!("SELECT count(*) FROM hr.people FOR VERSION AS OF {id}");
    let (status, headers, body) = queryd.send("*/*", json!({"sql": sql})).await;
    assert_eq!(status, StatusCode::OK, "{body:?}");
    assert_eq!(headers["x-lakehouse-snapshots"], format!("hr.people={id}"));
    let (status, problem) = queryd.sql("SELECT 1 FROM hr.people FOR VERSION AS OF 7").await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_argument")));
}

#[tokio::test]
async fn missing_catalogue_is_named_in_a_503_and_not_needed_without_tables() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let config = queryd::Config::default();
    let queryd = Queryd::start(config, tempfile::tempdir().unwrap(), url, 0).await;
    let (status, problem) = queryd.sql("SELECT * FROM hr.people").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(problem["detail"].as_str().unwrap().contains("catalogd"), "{problem}");
    assert_eq!(queryd.sql("SELECT 1 + 1 AS two").await.1["rows"], json!([[2]]));
}
