use std::fs::File;
use std::time::{Duration, SystemTime};

use axum::http::Method;
use serde_json::{Value, json};

use crate::{Fixture, TABLE};

const ACTIONS: &str = "/catalog/tables/hr.people";

/// With `commits` snapshots of one row each.
async fn with_commits(commits: i64) -> Fixture {
    let catalog = Fixture::with_table().await;
    for id in 0..commits {
        let change = catalog.append(id).await;
        catalog.ok(Method::POST, TABLE, change).await;
    }
    catalog
}

async fn act(catalog: &Fixture, action: &str, body: Value) -> Value {
    catalog.ok(Method::POST, &format!("{ACTIONS}/{action}"), body).await
}

async fn row_count(catalog: &Fixture) -> (usize, u64) {
    let metadata = catalog.load().await;
    let files = lake::data_files(&catalog.warehouse, &metadata, None).await.unwrap();
    (files.len(), files.iter().map(|file| file.record_count).sum())
}

#[tokio::test]
async fn compaction_leaves_the_same_rows_in_one_file_and_a_dry_run_leaves_everything() {
    let catalog = with_commits(6).await;
    let before = (catalog.load().await, catalog.objects("").await);
    let planned = act(&catalog, "compact", json!({"dry_run": true})).await;
    assert_eq!((&planned["files_before"], &planned["snapshot_id"]), (&json!(6), &Value::Null));
    assert_eq!((catalog.load().await, catalog.objects("").await), before);

    let done = act(&catalog, "compact", json!({})).await;
    assert_eq!((&done["files_before"], &done["files_after"]), (&json!(6), &json!(1)));
    assert_eq!(row_count(&catalog).await, (1, 6));
    let metadata = catalog.load().await;
    assert_eq!(metadata.current_snapshot_id(), done["snapshot_id"].as_i64());
    let summary = metadata.current_snapshot().unwrap().summary();
    assert_eq!(summary.operation, lake::Operation::Replace);
    assert_eq!(summary.additional_properties["total-records"], "6");

    let again = act(&catalog, "compact", json!({})).await;
    assert_eq!((&again["files_before"], &again["snapshot_id"]), (&json!(0), &Value::Null));
}

#[tokio::test]
async fn expiry_keeps_the_current_rows_and_deletes_what_only_old_snapshots_needed() {
    let catalog = with_commits(6).await;
    act(&catalog, "compact", json!({})).await;
    assert_eq!(catalog.objects(".parquet").await.len(), 7);
    let before = (catalog.load().await, catalog.objects("").await);
    let planned = act(&catalog, "expire-snapshots", json!({"older_than_s": 0, "dry_run": true})).await;
    assert_eq!(planned["snapshot_ids"].as_array().unwrap().len(), 6);
    assert_eq!((catalog.load().await, catalog.objects("").await), before);

    let done = act(&catalog, "expire-snapshots", json!({"older_than_s": 0})).await;
    assert_eq!(
        (&done["snapshot_ids"], &done["file_count"]),
        (&planned["snapshot_ids"], &planned["file_count"])
    );
    assert_eq!(catalog.load().await.snapshots().len(), 1);
    assert_eq!(catalog.objects(".parquet").await.len(), 1);
    assert_eq!(row_count(&catalog).await, (1, 6));
    // The manifest list of the one snapshot that is left, and its manifests: the new file's, and those that say what it
    // replaced.
    let lists = catalog.objects(".avro").await.into_iter().filter(|key| key.contains("/snap-"));
    assert_eq!(lists.count(), 1);
}

#[tokio::test]
async fn expiry_keeps_the_young_the_last_and_what_a_tag_names() {
    let catalog = with_commits(4).await;
    let kept = act(&catalog, "expire-snapshots", json!({})).await;
    assert_eq!(kept["snapshot_ids"], json!([]), "all are younger than five days");
    let first = catalog.load().await.history()[0].snapshot_id;
    let tag = json!({"requirements": [], "updates": [{"action": "set-snapshot-ref", "ref-name": "audit",
        "type": "tag", "snapshot-id": first}]});
    catalog.ok(Method::POST, TABLE, tag).await;
    let done = act(&catalog, "expire-snapshots", json!({"older_than_s": 0, "retain_last": 2})).await;
    assert_eq!(done["snapshot_ids"].as_array().unwrap().len(), 1);
    let metadata = catalog.load().await;
    assert!(metadata.snapshot_by_id(first).is_some());
    assert_eq!(metadata.snapshots().len(), 3);
    let old = lake::data_files(&catalog.warehouse, &metadata, Some(first)).await.unwrap();
    for file in old {
        assert!(catalog.warehouse.exists(&file.location).await.unwrap());
    }
}

#[tokio::test]
async fn orphans_go_when_they_are_old_and_files_of_the_table_never() {
    let catalog = with_commits(3).await;
    let refused = catalog.append(9).await;
    refused.discard(&catalog.warehouse).await;
    let all = catalog.objects("").await;
    let two_days_ago = SystemTime::now() - Duration::from_hours(48);
    for key in &all {
        let file = File::open(catalog.dir.path().join("warehouse").join(key)).unwrap();
        file.set_modified(two_days_ago).unwrap();
    }
    let young = act(&catalog, "remove-orphans", json!({})).await;
    assert_eq!(young["file_count"], 0, "three days is the least by default");
    let planned = act(&catalog, "remove-orphans", json!({"older_than_s": 86_400, "dry_run": true})).await;
    assert_eq!(catalog.objects("").await, all);
    assert_eq!(planned["file_count"], 1);
    let orphan = planned["files"][0].as_str().unwrap().strip_prefix("s3://lakehouse/").unwrap().to_owned();
    assert!(orphan.ends_with(".parquet"), "{orphan}");

    act(&catalog, "remove-orphans", json!({"older_than_s": 86_400})).await;
    let expected: Vec<String> = all.into_iter().filter(|key| *key != orphan).collect();
    assert_eq!(catalog.objects("").await, expected);
    assert_eq!(row_count(&catalog).await, (3, 3));
}

#[tokio::test]
async fn files_of_a_table_within_the_folder_of_another_are_never_taken_for_orphans() {
    let catalog = with_commits(1).await;
    let metadata = catalog.load().await;
    let schema = metadata.current_schema().as_ref().clone();
    let mut inner = lake::rest::CreateTable::new("inner", schema);
    inner.location = Some(format!("{}/inner", metadata.location()));
    catalog.ok(Method::POST, "/iceberg/v1/namespaces/hr/tables", inner).await;
    let before = catalog.objects("").await;
    let path = format!("{ACTIONS}/remove-orphans");
    for dry_run in [true, false] {
        let (status, problem) = catalog.call(Method::POST, &path, json!({"dry_run": dry_run})).await;
        assert_eq!(status.as_u16(), 400, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("hr.inner"), "{problem}");
    }
    assert_eq!(catalog.objects("").await, before);
}

#[tokio::test]
async fn maintenance_of_what_is_no_table_or_with_odd_limits_is_refused() {
    let catalog = with_commits(1).await;
    for (path, body, status) in [
        ("/catalog/tables/hr.none/compact", json!({}), 404),
        ("/catalog/tables/people/compact", json!({}), 400),
        ("/catalog/tables/hr.people/compact", json!({"target_file_bytes": 0}), 400),
        ("/catalog/tables/hr.people/compact", json!({"unknown": 0}), 400),
        ("/catalog/tables/hr.people/remove-orphans", json!({"older_than_s": 60}), 400),
        ("/catalog/tables/hr.people/expire-snapshots", json!({"older_than_s": -1}), 400),
    ] {
        let (got, problem) = catalog.call(Method::POST, path, &body).await;
        assert_eq!(got.as_u16(), status, "{path} {body}: {problem}");
        assert!(problem["detail"].is_string(), "{problem}");
    }
}
