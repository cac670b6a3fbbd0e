//! Rename, register, purge, and conditional loads.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{Fixture, NAMESPACES, TABLE};

const RENAME: &str = "/iceberg/v1/tables/rename";

fn rename(from: &str, to_namespace: &str, to: &str) -> Value {
    json!({"source": {"namespace": ["hr"], "name": from},
        "destination": {"namespace": [to_namespace], "name": to}})
}

#[tokio::test]
async fn renamed_table_is_the_same_table_under_its_new_name_alone() {
    let catalog = Fixture::with_table().await;
    catalog.ok(Method::POST, NAMESPACES, json!({"namespace": ["sales"]})).await;
    let change = catalog.append(7).await;
    catalog.ok(Method::POST, TABLE, change).await;
    let before = catalog.ok(Method::GET, TABLE, ()).await;
    catalog.ok(Method::POST, RENAME, rename("people", "sales", "buyers")).await;
    let catalog = catalog.restarted().await;
    assert_eq!(catalog.refused(Method::GET, TABLE, ()).await, (404, "NoSuchTableException".to_owned()));
    assert_eq!(catalog.ok(Method::GET, &format!("{NAMESPACES}/sales/tables/buyers"), ()).await, before);
}

#[tokio::test]
async fn rename_to_a_taken_name_or_into_nowhere_changes_nothing() {
    let catalog = Fixture::with_table().await;
    let schema = catalog.load().await.current_schema().clone();
    let other = lake::rest::CreateTable::new("other", (*schema).clone());
    catalog.ok(Method::POST, &format!("{NAMESPACES}/hr/tables"), other).await;
    for (body, expected) in [
        (rename("people", "hr", "other"), (409, "AlreadyExistsException")),
        (rename("people", "none", "people"), (404, "NoSuchNamespaceException")),
        (rename("none", "hr", "people2"), (404, "NoSuchTableException")),
        (rename("people", "hr", "../x"), (400, "BadRequestException")),
    ] {
        let refused = catalog.refused(Method::POST, RENAME, &body).await;
        assert_eq!(refused, (expected.0, expected.1.to_owned()), "{body}");
    }
    let listed = catalog.ok(Method::GET, &format!("{NAMESPACES}/hr/tables"), ()).await;
    assert_eq!(listed["identifiers"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn dropped_table_comes_back_whole_by_registering_its_metadata_file() {
    let catalog = Fixture::with_table().await;
    let change = catalog.append(7).await;
    catalog.ok(Method::POST, TABLE, change).await;
    let before = catalog.ok(Method::GET, TABLE, ()).await;
    let register = json!({"name": "back", "metadata-location": before["metadata-location"]});
    let path = format!("{NAMESPACES}/hr/register");
    let known = catalog.refused(Method::POST, &path, &register).await;
    assert_eq!(known, (409, "AlreadyExistsException".to_owned()), "a table has one name");
    catalog.ok(Method::DELETE, TABLE, ()).await;
    assert_eq!(catalog.ok(Method::POST, &path, &register).await, before);
    assert_eq!(catalog.ok(Method::GET, &format!("{NAMESPACES}/hr/tables/back"), ()).await, before);
}

#[tokio::test]
async fn what_is_no_metadata_file_of_this_warehouse_is_not_registered_and_stays() {
    let catalog = Fixture::with_table().await;
    let folder = catalog.load().await.location().to_owned();
    let change = catalog.append(7).await;
    catalog.ok(Method::POST, TABLE, change).await;
    let manifest = catalog.objects(".avro").await[0].clone();
    let before = catalog.objects("").await;
    for location in [
        format!("s3://lakehouse/{manifest}"),
        format!("{folder}/metadata/00000-00000000-0000-0000-0000-000000000000.metadata.json"),
        "s3://elsewhere/metadata/00000-00000000-0000-0000-0000-000000000000.metadata.json".to_owned(),
        "s3://lakehouse/../metadata/00000-00000000-0000-0000-0000-000000000000.metadata.json".to_owned(),
        String::new(),
    ] {
        let body = json!({"name": "x", "metadata-location": location});
        let refused = catalog.refused(Method::POST, &format!("{NAMESPACES}/hr/register"), &body).await;
        assert_eq!(refused, (400, "BadRequestException".to_owned()), "{body}");
    }
    assert_eq!(catalog.objects("").await, before);
}

#[tokio::test]
async fn purge_deletes_every_file_of_the_table_and_none_of_others() {
    let catalog = Fixture::with_table().await;
    let schema = catalog.load().await.current_schema().clone();
    let other = lake::rest::CreateTable::new("people2", (*schema).clone());
    catalog.ok(Method::POST, &format!("{NAMESPACES}/hr/tables"), other).await;
    let of_other = catalog.objects("").await.into_iter().filter(|key| key.contains("people2"));
    let of_other: Vec<String> = of_other.collect();
    for id in 0..3 {
        let change = catalog.append(id).await;
        catalog.ok(Method::POST, TABLE, change).await;
    }
    catalog.ok(Method::DELETE, &format!("{TABLE}?purgeRequested=True"), ()).await;
    wait_until_gone(&catalog, &of_other).await;
}

#[tokio::test]
async fn purge_that_a_crash_cut_off_goes_on_after_the_restart() {
    let catalog = Fixture::with_table().await;
    for id in 0..3 {
        let change = catalog.append(id).await;
        catalog.ok(Method::POST, TABLE, change).await;
    }
    // As a crash leaves it: asked for; the data, the manifests and a manifest list gone; the rest there.
    let metadata = catalog.load().await;
    let lists: Vec<&str> = metadata.snapshots().map(|snapshot| snapshot.manifest_list()).collect();
    let list = lists[0].strip_prefix("s3://lakehouse/").unwrap().to_owned();
    let manifests = catalog.objects(".avro").await.into_iter().filter(|key| !key.contains("/snap-"));
    let gone: Vec<String> =
        catalog.objects(".parquet").await.into_iter().chain(manifests).chain([list]).collect();
    for key in gone {
        std::fs::remove_file(catalog.dir.path().join("warehouse").join(key)).unwrap();
    }
    catalog.ok(Method::DELETE, &format!("{TABLE}?purgeRequested=true"), ()).await;
    let catalog = catalog.restarted().await;
    wait_until_gone(&catalog, &[]).await;
}

async fn wait_until_gone(catalog: &Fixture, expected: &[String]) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while catalog.objects("").await != expected {
        assert!(Instant::now() < deadline, "{:?}", catalog.objects("").await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn load_answers_304_until_the_table_changes() {
    let catalog = Fixture::with_table().await;
    let tag = load_tag(&catalog, "").await;
    let known = [("if-none-match", tag.as_str())];
    assert_eq!(catalog.call_with(Method::GET, TABLE, &known, ()).await.0, StatusCode::NOT_MODIFIED);
    let weak = format!("\"x\", W/{tag}");
    let known = [("if-none-match", weak.as_str())];
    assert_eq!(catalog.call_with(Method::GET, TABLE, &known, ()).await.0, StatusCode::NOT_MODIFIED);
    let change = catalog.append(1).await;
    catalog.ok(Method::POST, TABLE, change).await;
    let stale = [("if-none-match", tag.as_str())];
    assert_eq!(catalog.call_with(Method::GET, TABLE, &stale, ()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn load_with_refs_leaves_out_the_snapshots_that_nothing_names() {
    let catalog = Fixture::with_table().await;
    let empty = catalog.ok(Method::GET, &format!("{TABLE}?snapshots=refs"), ()).await;
    assert_eq!(empty, catalog.ok(Method::GET, TABLE, ()).await);
    for id in 0..3 {
        let change = catalog.append(id).await;
        catalog.ok(Method::POST, TABLE, change).await;
    }
    let all = catalog.ok(Method::GET, TABLE, ()).await;
    assert_eq!(all["metadata"]["snapshots"].as_array().unwrap().len(), 3);
    let refs = catalog.ok(Method::GET, &format!("{TABLE}?snapshots=refs"), ()).await;
    let kept = refs["metadata"]["snapshots"].as_array().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["snapshot-id"], all["metadata"]["current-snapshot-id"]);
    assert_ne!(load_tag(&catalog, "").await, load_tag(&catalog, "?snapshots=refs").await);
    let odd = catalog.refused(Method::GET, &format!("{TABLE}?snapshots=some"), ()).await;
    assert_eq!(odd, (400, "BadRequestException".to_owned()));
}

async fn load_tag(catalog: &Fixture, query: &str) -> String {
    let request = Request::get(format!("{TABLE}{query}")).body(Body::empty()).unwrap();
    let response = catalog.router.clone().oneshot(request).await.unwrap();
    response.headers()["etag"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn report_of_a_client_is_taken_for_a_table_that_exists() {
    let catalog = Fixture::with_table().await;
    let report = json!({"report-type": "scan-report", "table-name": "hr.people", "snapshot-id": 1,
        "filter": true, "schema-id": 0, "projected-field-ids": [], "projected-field-names": [], "metrics": {}});
    catalog.ok(Method::POST, &format!("{TABLE}/metrics"), &report).await;
    let nowhere = catalog.refused(Method::POST, &format!("{TABLE}2/metrics"), &report).await;
    assert_eq!(nowhere, (404, "NoSuchTableException".to_owned()));
    let odd = catalog.refused(Method::POST, &format!("{TABLE}/metrics"), json!({"report-type": "x"})).await;
    assert_eq!(odd, (400, "BadRequestException".to_owned()));
}
