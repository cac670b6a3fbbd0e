//! Staged creation, commits of several tables at once, and requests that come twice.

use std::collections::HashMap;

use axum::http::{Method, StatusCode};
use lake::TableWriter;
use lake::rest::{CreateTable, LoadedTable};
use serde_json::{Value, json};

use crate::{Fixture, NAMESPACES, TABLE, rows};

const TRANSACTION: &str = "/iceberg/v1/transactions/commit";
const STAGED: &str = "/iceberg/v1/namespaces/hr/tables/staged";

fn key(key: &str) -> [(&str, &str); 1] {
    [("idempotency-key", key)]
}

fn set_property(table: &str, value: &str) -> Value {
    json!({"identifier": {"namespace": ["hr"], "name": table}, "requirements": [],
        "updates": [{"action": "set-properties", "updates": {"x": value}}]})
}

/// What a client does that creates a table and fills it in one commit.
async fn create_and_fill(catalog: &Fixture) -> Value {
    let schema = lake::iceberg_schema(&rows(0..1).schema()).unwrap();
    let request = CreateTable { stage_create: Some(true), ..CreateTable::new("staged", schema) };
    let staged = catalog.ok(Method::POST, &format!("{NAMESPACES}/hr/tables"), request).await;
    assert!(staged.get("metadata-location").is_none(), "{staged}");
    let LoadedTable { metadata, .. } = serde_json::from_value(staged.clone()).unwrap();
    let mut writer = TableWriter::new(&catalog.warehouse, &metadata).unwrap();
    writer.write(&rows(0..5)).await.unwrap();
    let files = writer.finish().await.unwrap();
    let change = lake::append(&catalog.warehouse, &metadata, files, HashMap::new()).await.unwrap();
    let snapshot = serde_json::to_value(change).unwrap()["updates"].as_array().unwrap().clone();
    let staged = &staged["metadata"];
    let mut updates = vec![
        json!({"action": "assign-uuid", "uuid": staged["table-uuid"]}),
        json!({"action": "upgrade-format-version", "format-version": 2}),
        json!({"action": "add-schema", "schema": staged["schemas"][0]}),
        json!({"action": "set-current-schema", "schema-id": -1}),
        json!({"action": "add-spec", "spec": staged["partition-specs"][0]}),
        json!({"action": "set-default-spec", "spec-id": -1}),
        json!({"action": "add-sort-order", "sort-order": staged["sort-orders"][0]}),
        json!({"action": "set-default-sort-order", "sort-order-id": -1}),
        json!({"action": "set-location", "location": staged["location"]}),
        json!({"action": "set-properties", "updates": {"owner": "x"}}),
    ];
    updates.extend(snapshot);
    json!({"requirements": [{"type": "assert-create"}], "updates": updates})
}

#[tokio::test]
async fn staged_table_appears_with_its_rows_in_one_commit_and_not_before() {
    let catalog = Fixture::with_table().await;
    let commit = create_and_fill(&catalog).await;
    assert_eq!(catalog.call(Method::HEAD, STAGED, ()).await.0, StatusCode::NOT_FOUND);
    let committed = catalog.ok(Method::POST, STAGED, &commit).await;
    let catalog = catalog.restarted().await;
    let loaded = catalog.ok(Method::GET, STAGED, ()).await;
    assert_eq!(loaded["metadata"], committed["metadata"]);
    let LoadedTable { metadata, .. } = serde_json::from_value(loaded).unwrap();
    let staged_uuid = &commit["updates"][0]["uuid"];
    assert_eq!(metadata.uuid().to_string(), staged_uuid.as_str().unwrap());
    assert_eq!(metadata.properties()["owner"], "x");
    let files = lake::data_files(&catalog.warehouse, &metadata, None).await.unwrap();
    assert_eq!(files.iter().map(|file| file.record_count).sum::<u64>(), 5);
}

#[tokio::test]
async fn of_two_commits_that_create_the_same_table_one_wins() {
    let catalog = Fixture::with_table().await;
    let (first, second) = (create_and_fill(&catalog).await, create_and_fill(&catalog).await);
    let metadata_files = catalog.objects(".metadata.json").await.len();
    let (a, b) =
        tokio::join!(catalog.call(Method::POST, STAGED, first), catalog.call(Method::POST, STAGED, second));
    let mut statuses = [a.0.as_u16(), b.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{} {}", a.1, b.1);
    assert_eq!(catalog.objects(".metadata.json").await.len(), metadata_files + 1);
}

#[tokio::test]
async fn creation_by_commit_that_makes_no_table_is_refused_and_leaves_no_file() {
    let catalog = Fixture::with_table().await;
    let whole = create_and_fill(&catalog).await;
    let before = catalog.objects("").await;
    let without_schema = json!({"requirements": [{"type": "assert-create"}], "updates": []});
    let refused = catalog.refused(Method::POST, STAGED, without_schema).await;
    assert_eq!(refused, (400, "BadRequestException".to_owned()));
    let mut other_ids = whole.clone();
    other_ids["updates"][2]["schema"]["fields"][0]["id"] = json!(17);
    let refused = catalog.refused(Method::POST, STAGED, other_ids).await;
    assert_eq!(refused, (400, "BadRequestException".to_owned()));
    let mut of_a_table = whole.clone();
    let of_old = json!({"type": "assert-current-schema-id", "current-schema-id": 0});
    of_a_table["requirements"].as_array_mut().unwrap().push(of_old);
    let refused = catalog.refused(Method::POST, STAGED, of_a_table).await;
    assert_eq!(refused, (409, "CommitFailedException".to_owned()));
    let nowhere = catalog.refused(Method::POST, "/iceberg/v1/namespaces/none/tables/t", whole).await;
    assert_eq!(nowhere, (404, "NoSuchNamespaceException".to_owned()));
    assert_eq!(catalog.objects("").await, before);
}

#[tokio::test]
async fn transaction_changes_all_of_its_tables_or_none() {
    let catalog = Fixture::with_table().await;
    let schema = catalog.load().await.current_schema().clone();
    let request = CreateTable::new("other", (*schema).clone());
    catalog.ok(Method::POST, &format!("{NAMESPACES}/hr/tables"), request).await;
    let both = json!({"table-changes": [set_property("people", "1"), set_property("other", "1")]});
    assert_eq!(catalog.call(Method::POST, TRANSACTION, both).await.0, StatusCode::NO_CONTENT);

    let before = (catalog.load().await, catalog.objects("").await);
    let mut unmet = set_property("other", "2");
    unmet["requirements"] = json!([{"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": 5}]);
    for (second, expected) in [
        (unmet, (409, "CommitFailedException")),
        (set_property("none", "2"), (404, "NoSuchTableException")),
        (set_property("people", "3"), (400, "BadRequestException")),
        (json!({"requirements": [], "updates": []}), (400, "BadRequestException")),
    ] {
        let body = json!({"table-changes": [set_property("people", "2"), second]});
        let refused = catalog.refused(Method::POST, TRANSACTION, &body).await;
        assert_eq!(refused, (expected.0, expected.1.to_owned()), "{body}");
    }
    assert_eq!((catalog.load().await, catalog.objects("").await), before);
    assert_eq!(before.0.properties()["x"], "1");
}

#[tokio::test]
async fn repeated_commit_under_its_key_gets_the_first_answer_and_changes_nothing() {
    let catalog = Fixture::with_table().await;
    let change = catalog.append(7).await;
    let (status, first) = catalog.call_with(Method::POST, TABLE, &key("a"), &change).await;
    assert!(status.is_success(), "{first}");
    let later = catalog.append(8).await;
    catalog.ok(Method::POST, TABLE, later).await;
    let catalog = catalog.restarted().await;
    let before = (catalog.load().await, catalog.objects("").await);
    let (status, again) = catalog.call_with(Method::POST, TABLE, &key("a"), &change).await;
    assert!(status.is_success(), "{again}");
    assert_eq!(again, first);
    assert_eq!((catalog.load().await, catalog.objects("").await), before);

    let (status, other) =
        catalog.call_with(Method::POST, TABLE, &key("a"), set_property("people", "1")).await;
    assert_eq!((status.as_u16(), &other["error"]["type"]), (400, &json!("IdempotencyKeyReusedException")));
    let (status, _) = catalog.call_with(Method::POST, TABLE, &key(""), &change).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn repeated_create_rename_and_drop_under_their_keys_are_not_refused() {
    let catalog = Fixture::with_table().await;
    let schema = catalog.load().await.current_schema().clone();
    let create = CreateTable::new("t", (*schema).clone());
    let tables = format!("{NAMESPACES}/hr/tables");
    let rename = json!({"source": {"namespace": ["hr"], "name": "t"},
        "destination": {"namespace": ["hr"], "name": "u"}});
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push(catalog.call_with(Method::POST, &tables, &key("create"), &create).await);
    }
    assert_eq!(answers[0], answers[1]);
    for _ in 0..2 {
        let path = "/iceberg/v1/tables/rename";
        let renamed = catalog.call_with(Method::POST, path, &key("rename"), &rename).await;
        assert_eq!(renamed.0, StatusCode::NO_CONTENT, "{}", renamed.1);
    }
    for _ in 0..2 {
        let dropped = catalog.call_with(Method::DELETE, &format!("{tables}/u"), &key("drop"), ()).await;
        assert_eq!(dropped.0, StatusCode::NO_CONTENT, "{}", dropped.1);
    }
    let listed = catalog.ok(Method::GET, &tables, ()).await;
    assert_eq!(listed["identifiers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_the_same_request_twice_at_once_one_happens_and_both_are_answered_alike() {
    let catalog = Fixture::with_table().await;
    let change = catalog.append(7).await;
    let send = || catalog.call_with(Method::POST, TABLE, &[("idempotency-key", "k")], &change);
    let (a, b, c) = tokio::join!(send(), send(), send());
    assert!(a.0.is_success(), "{}", a.1);
    assert_eq!((&a, &a), (&b, &c));
    assert_eq!(catalog.load().await.snapshots().len(), 1);
    assert_eq!(catalog.objects(".metadata.json").await.len(), 2);
}
