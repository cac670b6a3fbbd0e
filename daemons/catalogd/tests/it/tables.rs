use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::{Fixture, NAMESPACES, TABLE};

#[tokio::test]
async fn config_names_only_what_is_served() {
    let catalog = Fixture::with_table().await;
    let config = catalog.ok(Method::GET, "/iceberg/v1/config?warehouse=x", ()).await;
    for endpoint in config["endpoints"].as_array().unwrap() {
        let (method, path) = endpoint.as_str().unwrap().split_once(' ').unwrap();
        let path = path.replace("{prefix}/", "").replace("{namespace}", "none").replace("{table}", "none");
        let (status, _) = catalog.call(method.parse().unwrap(), &format!("/iceberg{path}"), json!({})).await;
        assert!(![405, 501].contains(&status.as_u16()), "{endpoint}: {status}");
    }
    // What else the specification has.
    for path in [
        "POST namespaces/hr/tables/people/plan",
        "GET namespaces/hr/tables/people/plan/x",
        "DELETE namespaces/hr/tables/people/plan/x",
        "POST namespaces/hr/tables/people/tasks",
        "GET namespaces/hr/tables/people/credentials",
        "GET namespaces/hr/views",
        "POST namespaces/hr/views",
        "GET namespaces/hr/views/v",
        "POST namespaces/hr/views/v",
        "DELETE namespaces/hr/views/v",
        "POST namespaces/hr/register-view",
        "POST views/rename",
        "POST oauth/tokens",
    ] {
        let (method, rest) = path.split_once(' ').unwrap();
        let refused =
            catalog.refused(method.parse().unwrap(), &format!("/iceberg/v1/{rest}"), json!({})).await;
        assert_eq!(refused, (501, "UnsupportedOperationException".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn namespaces_live_from_create_to_drop() {
    let catalog = Fixture::new().await;
    let body = json!({"namespace": ["a"], "properties": {"owner": "x"}});
    catalog.ok(Method::POST, NAMESPACES, &body).await;
    catalog.ok(Method::POST, NAMESPACES, json!({"namespace": ["a", "b"]})).await;
    let again = catalog.refused(Method::POST, NAMESPACES, &body).await;
    assert_eq!(again, (409, "AlreadyExistsException".to_owned()));
    let orphan = catalog.refused(Method::POST, NAMESPACES, json!({"namespace": ["x", "y"]})).await;
    assert_eq!(orphan, (404, "NoSuchNamespaceException".to_owned()));

    assert_eq!(catalog.ok(Method::GET, NAMESPACES, ()).await["namespaces"], json!([["a"]]));
    let children = catalog.ok(Method::GET, &format!("{NAMESPACES}?parent=a"), ()).await;
    assert_eq!(children["namespaces"], json!([["a", "b"]]));
    assert_eq!(catalog.ok(Method::GET, &format!("{NAMESPACES}/a"), ()).await["properties"]["owner"], "x");
    assert_eq!(
        catalog.call(Method::HEAD, &format!("{NAMESPACES}/a%1Fb"), ()).await.0,
        StatusCode::NO_CONTENT
    );

    let full = catalog.refused(Method::DELETE, &format!("{NAMESPACES}/a"), ()).await;
    assert_eq!(full, (409, "NamespaceNotEmptyException".to_owned()));
    catalog.ok(Method::DELETE, &format!("{NAMESPACES}/a%1Fb"), ()).await;
    catalog.ok(Method::DELETE, &format!("{NAMESPACES}/a"), ()).await;
    let gone = catalog.refused(Method::DELETE, &format!("{NAMESPACES}/a"), ()).await;
    assert_eq!(gone, (404, "NoSuchNamespaceException".to_owned()));
    assert_eq!(catalog.call(Method::HEAD, &format!("{NAMESPACES}/a"), ()).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn properties_of_a_namespace_are_set_and_removed_in_one_step() {
    let catalog = Fixture::new().await;
    let body = json!({"namespace": ["a"], "properties": {"owner": "x", "old": "1"}});
    catalog.ok(Method::POST, NAMESPACES, &body).await;
    let path = format!("{NAMESPACES}/a/properties");
    let change = json!({"removals": ["old", "none"], "updates": {"owner": "y", "new": "2"}});
    let changed = catalog.ok(Method::POST, &path, change).await;
    assert_eq!(changed, json!({"updated": ["new", "owner"], "removed": ["old"], "missing": ["none"]}));
    let catalog = catalog.restarted().await;
    let properties = &catalog.ok(Method::GET, &format!("{NAMESPACES}/a"), ()).await["properties"];
    assert_eq!(*properties, json!({"owner": "y", "new": "2"}));

    let both = catalog.refused(Method::POST, &path, json!({"removals": ["a"], "updates": {"a": "1"}})).await;
    assert_eq!(both, (422, "UnprocessableEntityException".to_owned()));
    let nowhere = catalog.refused(Method::POST, &format!("{NAMESPACES}/b/properties"), json!({})).await;
    assert_eq!(nowhere, (404, "NoSuchNamespaceException".to_owned()));
}

#[tokio::test]
async fn listings_come_in_pages_to_those_who_send_a_token() {
    let catalog = Fixture::with_table().await;
    for name in ["a", "b"] {
        catalog.ok(Method::POST, NAMESPACES, json!({"namespace": [name]})).await;
    }
    let first = catalog.ok(Method::GET, &format!("{NAMESPACES}?pageToken=&pageSize=2"), ()).await;
    assert_eq!(first["namespaces"], json!([["a"], ["b"]]));
    let token = first["next-page-token"].as_str().unwrap();
    let rest = catalog.ok(Method::GET, &format!("{NAMESPACES}?pageToken={token}&pageSize=2"), ()).await;
    assert_eq!(rest, json!({"namespaces": [["hr"]]}));
    let tables = catalog.ok(Method::GET, &format!("{NAMESPACES}/hr/tables?pageToken=&pageSize=1"), ()).await;
    assert_eq!(tables, json!({"identifiers": [{"namespace": ["hr"], "name": "people"}]}));
    let nothing = catalog.refused(Method::GET, &format!("{NAMESPACES}?pageToken=&pageSize=0"), ()).await;
    assert_eq!(nothing, (400, "BadRequestException".to_owned()));
}

#[tokio::test]
async fn tables_live_from_create_to_drop_and_survive_a_restart() {
    let catalog = Fixture::with_table().await.restarted().await;
    let listed = catalog.ok(Method::GET, &format!("{NAMESPACES}/hr/tables"), ()).await;
    assert_eq!(listed["identifiers"], json!([{"namespace": ["hr"], "name": "people"}]));
    let loaded = catalog.ok(Method::GET, TABLE, ()).await;
    assert_eq!(loaded["metadata"]["format-version"], 2);
    assert!(loaded["metadata"]["location"].as_str().unwrap().starts_with("s3://lakehouse/hr/people-"));
    assert!(loaded["metadata-location"].as_str().unwrap().ends_with(".metadata.json"));

    let full = catalog.refused(Method::DELETE, &format!("{NAMESPACES}/hr"), ()).await;
    assert_eq!(full, (409, "NamespaceNotEmptyException".to_owned()));
    catalog.ok(Method::DELETE, &format!("{TABLE}?purgeRequested=False"), ()).await;
    assert_eq!(catalog.refused(Method::GET, TABLE, ()).await, (404, "NoSuchTableException".to_owned()));
    assert_eq!(catalog.call(Method::HEAD, TABLE, ()).await.0, StatusCode::NOT_FOUND);
    catalog.ok(Method::DELETE, &format!("{NAMESPACES}/hr"), ()).await;
}

#[tokio::test]
async fn second_create_is_refused_and_leaves_no_file() {
    let catalog = Fixture::with_table().await;
    let before = catalog.objects("").await;
    let schema = catalog.load().await.current_schema().clone();
    let request = lake::rest::CreateTable::new("people", (*schema).clone());
    let tables = format!("{NAMESPACES}/hr/tables");
    let again = catalog.refused(Method::POST, &tables, &request).await;
    assert_eq!(again, (409, "AlreadyExistsException".to_owned()));
    let nowhere = catalog.refused(Method::POST, &format!("{NAMESPACES}/none/tables"), &request).await;
    assert_eq!(nowhere, (404, "NoSuchNamespaceException".to_owned()));
    assert_eq!(catalog.objects("").await, before);
}

#[tokio::test]
async fn of_two_creates_at_once_one_wins_and_the_other_leaves_no_file() {
    let catalog = Fixture::new().await;
    catalog.ok(Method::POST, NAMESPACES, json!({"namespace": ["hr"]})).await;
    let request = json!({"name": "t", "schema": {"type": "struct", "fields": [
        {"id": 1, "name": "a", "required": false, "type": "string"}]}});
    let tables = format!("{NAMESPACES}/hr/tables");
    let create = || catalog.call(Method::POST, &tables, &request);
    let (a, b, c, d) = tokio::join!(create(), create(), create(), create());
    let mut statuses = [a.0.as_u16(), b.0.as_u16(), c.0.as_u16(), d.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409]);
    assert_eq!(catalog.objects(".metadata.json").await.len(), 1);
}

#[tokio::test]
async fn listing_for_people_tells_columns_rows_and_damage() {
    let catalog = Fixture::with_table().await;
    let change = catalog.append(1).await;
    catalog.ok(Method::POST, TABLE, change).await;
    let table = &catalog.ok(Method::GET, "/catalog/tables", ()).await["tables"][0];
    assert_eq!(table["name"], "hr.people");
    assert_eq!(table["rows"], 1);
    assert_eq!(table["columns"], json!([{"name": "id", "type": "long", "required": true}]));

    for key in catalog.objects(".metadata.json").await {
        std::fs::write(catalog.dir.path().join("warehouse").join(key), "{").unwrap();
    }
    let catalog = catalog.restarted().await;
    let table = &catalog.ok(Method::GET, "/catalog/tables", ()).await["tables"][0];
    assert_eq!(table["name"], "hr.people");
    assert!(table["error"].is_string(), "{table}");
    assert_eq!(catalog.refused(Method::GET, TABLE, ()).await.0, 500);
}
