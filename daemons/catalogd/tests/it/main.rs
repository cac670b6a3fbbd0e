//! `catalogd` over HTTP, its router called in process.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod commits;
mod crashes;
mod lifecycle;
mod maintenance;
mod names;
mod staging;
mod tables;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use client::PeerUrls;
use lake::rest::{CreateTable, LoadedTable};
use lake::{TableChange, TableMetadata, TableWriter, Warehouse};
use serde::Serialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use wire::DaemonName;

const NAMESPACES: &str = "/iceberg/v1/namespaces";
const TABLE: &str = "/iceberg/v1/namespaces/hr/tables/people";

/// A daemon on a folder of its own.
struct Fixture {
    dir: TempDir,
    router: Router,
    warehouse: Warehouse,
}

impl Fixture {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let (router, warehouse) = start(&dir).await;
        Self { dir, router, warehouse }
    }

    /// With the namespace `hr` and the table `people` in it.
    async fn with_table() -> Self {
        let catalog = Self::new().await;
        catalog.ok(Method::POST, NAMESPACES, json!({"namespace": ["hr"]})).await;
        let request = CreateTable::new("people", lake::iceberg_schema(&rows(0..1).schema()).unwrap());
        catalog.ok(Method::POST, &format!("{NAMESPACES}/hr/tables"), request).await;
        catalog
    }

    /// The same folder, opened anew.
    async fn restarted(self) -> Self {
        drop(self.router);
        let (router, warehouse) = start(&self.dir).await;
        Self { router, warehouse, ..self }
    }

    async fn call(&self, method: Method, path: &str, body: impl Serialize) -> (StatusCode, Value) {
        self.call_with(method, path, &[], body).await
    }

    /// The same with headers.
    async fn call_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Serialize,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(serde_json::to_vec(&body).unwrap())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// The body of an answer that must be a success.
    async fn ok(&self, method: Method, path: &str, body: impl Serialize) -> Value {
        let (status, body) = self.call(method.clone(), path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {body}");
        body
    }

    /// Status and exception of an answer that must be an error in the shape of Iceberg REST.
    async fn refused(&self, method: Method, path: &str, body: impl Serialize) -> (u16, String) {
        let (status, body) = self.call(method.clone(), path, body).await;
        assert!(!status.is_success(), "{method} {path}: {status} {body}");
        let error = &body["error"];
        assert_eq!(error["code"], status.as_u16(), "{body}");
        assert!(!error["message"].as_str().unwrap().is_empty());
        (status.as_u16(), error["type"].as_str().unwrap().to_owned())
    }

    async fn load(&self) -> TableMetadata {
        let body = self.ok(Method::GET, TABLE, ()).await;
        serde_json::from_value::<LoadedTable>(body).unwrap().metadata
    }

    /// A change that appends one row to the table as it is now.
    async fn append(&self, id: i64) -> TableChange {
        let metadata = self.load().await;
        let mut writer = TableWriter::new(&self.warehouse, &metadata).unwrap();
        writer.write(&rows(id..id + 1)).await.unwrap();
        let files = writer.finish().await.unwrap();
        lake::append(&self.warehouse, &metadata, files, HashMap::new()).await.unwrap()
    }

    /// All objects in the warehouse whose keys end with `suffix`.
    async fn objects(&self, suffix: &str) -> Vec<String> {
        let store = self.warehouse.store();
        let page = objects::list_page(&*store, "", None, usize::MAX).await.unwrap();
        let keys = page.objects.into_iter().map(|object| object.location.to_string());
        keys.filter(|key| key.ends_with(suffix)).collect()
    }
}

async fn start(dir: &TempDir) -> (Router, Warehouse) {
    let env = service::testing::env(dir.path(), PeerUrls::default()).unwrap();
    let app = catalogd::build(catalogd::Config::default(), env.clone()).await.unwrap();
    let router = service::testing::router(DaemonName::Catalogd, app, &env).unwrap();
    (router, Warehouse::open(&env.warehouse).unwrap())
}

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    RecordBatch::try_from_iter([("id", Arc::new(Int64Array::from_iter_values(ids)) as _)]).unwrap()
}
