//! `POST /tables/{table}/delete` over HTTP.

use axum::http::StatusCode;
use futures::TryStreamExt;
use object_store::ObjectStore;
use serde_json::{Value, json};

use crate::ingest::{CSV, Ingestd};

/// A table of ten people in two files.
async fn people() -> Ingestd {
    let ingestd = Ingestd::new().await;
    for ids in [0..5, 5..10] {
        let line = |id: i32| format!("{id},n{id},{}\n", if id % 2 == 0 { "TX" } else { "" });
        let lines: String = ids.map(line).collect();
        let (status, answer) =
            ingestd.post("table=hr.people", &[CSV], format!("id,name,state\n{lines}")).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    ingestd
}

async fn delete(ingestd: &Ingestd, body: &Value) -> (StatusCode, Value) {
    ingestd.post_to("/tables/hr.people/delete", &[], body.to_string()).await
}

/// Files and rows of the table now.
async fn count(ingestd: &Ingestd) -> (usize, u64) {
    let tables = ingestd.catalogd.tables.lock().await;
    let metadata = &tables["hr.people"].metadata;
    let files = lake::data_files(&ingestd.catalogd.warehouse, metadata, None).await.unwrap();
    (files.len(), files.iter().map(|file| file.record_count).sum())
}

async fn objects(ingestd: &Ingestd) -> usize {
    let all: Vec<_> = ingestd.catalogd.warehouse.store().list(None).try_collect().await.unwrap();
    all.len()
}

#[tokio::test]
async fn rows_that_match_go_and_the_files_without_any_stay() {
    let ingestd = people().await;
    let some = json!({"where": {"id": {"in": [1, 2, 77]}}});
    let (status, answer) = delete(&ingestd, &some).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!((&answer["rows_deleted"], &answer["files_rewritten"]), (&json!(2), &json!(1)));
    assert_eq!(count(&ingestd).await, (2, 8));
    let current = ingestd.catalogd.tables.lock().await["hr.people"].metadata.current_snapshot_id();
    assert_eq!(answer["snapshot_id"].as_i64(), current);
    let (_, again) = delete(&ingestd, &some).await;
    assert_eq!((&again["rows_deleted"], &again["snapshot_id"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn file_whose_rows_all_match_just_goes_and_so_does_the_last_row() {
    let ingestd = people().await;
    let (_, answer) = delete(&ingestd, &json!({"where": {"id": {"lt": 5}}})).await;
    assert_eq!(answer["rows_deleted"], 5, "{answer}");
    assert_eq!(count(&ingestd).await, (1, 5));
    let rest = json!({"where": {"any": [{"state": "TX"}, {"state": null}]}});
    let (_, answer) = delete(&ingestd, &rest).await;
    assert_eq!(answer["rows_deleted"], 5, "{answer}");
    assert_eq!(count(&ingestd).await, (0, 0));
    let (status, answer) = ingestd.post("table=hr.people", &[CSV], "id,name,state\n11,x,\n").await;
    assert_eq!((status, &answer["rows_written"]), (StatusCode::OK, &json!(1)), "{answer}");
}

#[tokio::test]
async fn dry_run_counts_and_changes_nothing() {
    let ingestd = people().await;
    let before = (count(&ingestd).await, objects(&ingestd).await);
    let (_, answer) = delete(&ingestd, &json!({"where": {"state": "TX"}, "dry_run": true})).await;
    assert_eq!((&answer["rows_deleted"], &answer["snapshot_id"]), (&json!(5), &Value::Null));
    assert_eq!((count(&ingestd).await, objects(&ingestd).await), before);
}

#[tokio::test]
async fn condition_that_is_empty_or_does_not_fit_changes_nothing() {
    let ingestd = people().await;
    let before = (count(&ingestd).await, objects(&ingestd).await);
    for (body, expected) in [
        (json!({"where": {}}), 400),
        (json!({"where": []}), 400),
        (json!({"where": {"id": {"like": 1}}}), 400),
        (json!({}), 400),
        (json!({"where": {"id": 1}, "all": true}), 400),
        (json!({"where": {"none": 1}}), 422),
        (json!({"where": {"id": "abc"}}), 422),
        (json!({"where": {"id": 1.5}}), 422),
    ] {
        let (status, problem) = delete(&ingestd, &body).await;
        assert_eq!(status.as_u16(), expected, "{body}: {problem}");
    }
    let (status, _) = ingestd.post_to("/tables/hr.none/delete", &[], r#"{"where":{"id":1}}"#).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!((count(&ingestd).await, objects(&ingestd).await), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_that_come_while_others_go_are_neither_lost_nor_left() {
    let ingestd = people().await;
    let condition = json!({"where": {"state": "TX"}});
    let rows = "id,name,state\n20,a,TX\n21,b,\n";
    let append = ingestd.post("table=hr.people&mode=append", &[CSV], rows);
    let (deleted, appended) = tokio::join!(delete(&ingestd, &condition), append);
    let statuses = (deleted.0, appended.0);
    assert_eq!(statuses, (StatusCode::OK, StatusCode::OK), "{} {}", deleted.1, appended.1);
    let (_, rest) = delete(&ingestd, &condition).await;
    let all = deleted.1["rows_deleted"].as_u64().unwrap() + rest["rows_deleted"].as_u64().unwrap();
    assert_eq!((all, count(&ingestd).await.1), (6, 6));
}
