use axum::http::Method;
use serde_json::json;

use crate::{Fixture, NAMESPACES};

const HOSTILE: [&str; 10] =
    ["", ".", "..", "a.b", "../x", "a/b", "a\0b", "a b", "'; DROP TABLE tables; --", "名"];

#[tokio::test]
async fn hostile_names_in_bodies_are_refused() {
    let catalog = Fixture::with_table().await;
    let before = catalog.objects("").await;
    for name in HOSTILE {
        let namespace = catalog.refused(Method::POST, NAMESPACES, json!({"namespace": [name]})).await;
        assert_eq!(namespace, (400, "BadRequestException".to_owned()), "{name:?}");
        let table = json!({"name": name, "schema": {"type": "struct", "fields": []}});
        let table = catalog.refused(Method::POST, &format!("{NAMESPACES}/hr/tables"), table).await;
        assert_eq!(table, (400, "BadRequestException".to_owned()), "{name:?}");
    }
    assert_eq!(catalog.refused(Method::POST, NAMESPACES, json!({"namespace": []})).await.0, 400);
    assert_eq!(catalog.objects("").await, before);
}

#[tokio::test]
async fn hostile_names_in_paths_are_refused() {
    let catalog = Fixture::with_table().await;
    for name in ["%2e%2e", "a%2Fb", "a%00b", "%27%3B--", "a%20b", "%1F"] {
        for path in [format!("{NAMESPACES}/{name}"), format!("{NAMESPACES}/hr/tables/{name}")] {
            assert_eq!(catalog.refused(Method::GET, &path, ()).await.0, 400, "{path}");
            assert_eq!(catalog.refused(Method::DELETE, &path, ()).await.0, 400, "{path}");
        }
    }
}

#[tokio::test]
async fn body_that_makes_no_sense_is_the_callers_mistake() {
    let catalog = Fixture::with_table().await;
    let tables = format!("{NAMESPACES}/hr/tables");
    for body in [
        json!({}),
        json!([]),
        json!({"name": "t"}),
        json!({"name": "t", "schema": {"type": "struct", "fields": [{"id": 1}]}}),
        json!({"name": "t", "schema": {"type": "struct", "fields": [
            {"id": 1, "name": "a", "required": false, "type": "string"},
            {"id": 1, "name": "b", "required": false, "type": "string"}]}}),
        json!({"name": "t", "location": "file:///etc", "schema": {"type": "struct", "fields": []}}),
    ] {
        let refused = catalog.refused(Method::POST, &tables, &body).await;
        assert_eq!(refused, (400, "BadRequestException".to_owned()), "{body}");
    }
}
