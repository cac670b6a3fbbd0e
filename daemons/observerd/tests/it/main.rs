//! What observerd promises, over HTTP, in process.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod events;
mod retention;
mod stats;

use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use observerd::Config;
use serde_json::{Value, json};
use service::Env;
use tower::ServiceExt;
use wire::DaemonName;

struct Daemon {
    router: Router,
    env: Env,
}

impl Daemon {
    async fn start(folder: &Path) -> Self {
        Self::start_with(folder, Config::default()).await
    }

    async fn start_with(folder: &Path, config: Config) -> Self {
        let env = service::testing::env(folder, client::PeerUrls::default()).unwrap();
        let app = observerd::build(config, env.clone()).await.unwrap();
        Self { router: service::testing::router(DaemonName::Observerd, app, &env).unwrap(), env }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(Request::post(path).body(Body::from(body.to_string())).unwrap()).await
    }

    async fn record(&self, events: Value) -> Value {
        let (status, recorded) = self.post("/observer/events", &json!({"events": events})).await;
        assert_eq!(status, StatusCode::OK, "{recorded}");
        recorded
    }

    /// The ids of one page, in order.
    async fn ids(&self, query: &str) -> Vec<String> {
        let (status, page) = self.get(&format!("/observer/events{query}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let events = page["events"].as_array().unwrap();
        events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.env.shutdown.cancel();
    }
}

fn event(id: &str, kind: &str) -> Value {
    json!({"id": id, "kind": kind, "time": "2026-05-01T10:00:00Z", "attributes": {}})
}
