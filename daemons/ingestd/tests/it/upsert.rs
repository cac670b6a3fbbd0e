//! `POST /tables/{table}/upsert` over HTTP.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::ingest::{CSV, Ingestd};

async fn people() -> Ingestd {
    let ingestd = Ingestd::new().await;
    let (status, answer) = ingestd.post("table=hr.people", &[CSV], "id,zip\n1,00123\n2,90210\n").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    ingestd
}

fn counts(answer: &Value) -> [&Value; 3] {
    [&answer["rows_inserted"], &answer["rows_updated"], &answer["replayed"]]
}

#[tokio::test]
async fn rows_of_every_format_are_upserted_once_per_idempotency_key() {
    let ingestd = people().await;
    let path = "/tables/hr.people/upsert?key=id";
    let key = [CSV, ("idempotency-key", "k-1")];
    for is_replayed in [false, true] {
        let (status, answer) = ingestd.post_to(path, &key, "id,zip\n2,10001\n3,00501\n").await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(counts(&answer), [&json!(1), &json!(1), &json!(is_replayed)], "{answer}");
    }
    let ndjson = ("content-type", "application/x-ndjson");
    let body = zstd::encode_all(&b"{\"id\":3,\"zip\":\"00502\"}\n{\"id\":4}\n"[..], 3).unwrap();
    let (status, answer) = ingestd.post_to(path, &[ndjson, ("content-encoding", "zstd")], body).await;
    assert_eq!(
        (status, counts(&answer)[..2].to_vec()),
        (StatusCode::OK, vec![&json!(1), &json!(1)]),
        "{answer}"
    );
    let (status, answer) =
        ingestd.post_to(&format!("{path}&dry_run=true"), &[CSV], "id,zip\n4,1\n5,1\n").await;
    assert_eq!((status, &answer["snapshot_id"]), (StatusCode::OK, &Value::Null), "{answer}");
    let keys = json!({"keys": [{"id": 1}, {"id": 4}, {"id": 77}]});
    let (status, answer) = ingestd.post_to("/tables/hr.people/delete", &[], keys.to_string()).await;
    assert_eq!((status, &answer["rows_deleted"]), (StatusCode::OK, &json!(2)), "{answer}");
}

#[tokio::test]
async fn request_that_names_no_row_for_certain_is_refused_and_says_why() {
    let ingestd = people().await;
    for (path, headers, body, status, said) in [
        ("upsert", vec![CSV], "id\n1\n", 400, "key"),
        ("upsert?key=", vec![CSV], "id\n1\n", 422, "no column"),
        ("upsert?key=idd", vec![CSV], "id\n1\n", 422, "nearest is \"id\""),
        ("upsert?key=id", vec![CSV], "zip\n1\n", 422, "\"id\""),
        ("upsert?key=id", vec![CSV], "id,zip\n1,a\n1,b\n", 422, "id=1"),
        ("upsert?key=id", vec![CSV], "id,zip\n,a\n", 422, "line 2"),
        ("upsert?key=id", vec![CSV], "", 400, ""),
        ("upsert?key=id", vec![], "id\n1\n", 415, "Content-Type"),
        ("upsert?key=id&mode=append", vec![CSV], "id\n1\n", 400, "mode"),
        ("delete", vec![], r#"{"keys": []}"#, 400, "keys"),
        ("delete", vec![], r#"{"keys": [{"id": 1}], "where": {"id": 1}}"#, 400, "either"),
        ("delete", vec![], r#"{"keys": [{"id": 1}, {"zip": "1"}]}"#, 422, "same columns"),
        ("delete", vec![], r#"{"keys": [{"id": "x"}]}"#, 422, "\"id\""),
    ] {
        let (found, problem) = ingestd.post_to(&format!("/tables/hr.people/{path}"), &headers, body).await;
        assert_eq!(found.as_u16(), status, "{path} {body:?}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(said)), "{path}: {problem}");
    }
    let (status, _) = ingestd.post_to("/tables/hr.none/upsert?key=id", &[CSV], "id\n1\n").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
