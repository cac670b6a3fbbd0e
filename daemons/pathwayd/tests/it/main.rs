//! What pathwayd promises, over HTTP, in process.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod add;
mod list;
mod revise;
mod search;

use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
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
        let env = service::testing::env(folder, client::PeerUrls::default()).unwrap();
        let app = pathwayd::build(pathwayd::Config::default(), env.clone()).await.unwrap();
        Self { router: service::testing::router(DaemonName::Pathwayd, app, &env).unwrap(), env }
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

    async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::post(path).header("idempotency-key", key);
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Adds a pathway and returns its id.
    async fn add(&self, content: Value) -> String {
        let (status, written) = self.post("/pathways", &content).await;
        assert_eq!(status, StatusCode::CREATED, "{written}");
        written["id"].as_str().unwrap().to_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.env.shutdown.cancel();
    }
}

/// The goals of a list or the ids of whatever else has them.
fn goals(pathways: &Value) -> Vec<&str> {
    pathways.as_array().unwrap().iter().map(|pathway| pathway["goal"].as_str().unwrap()).collect()
}

fn pathway(goal: &str) -> Value {
    json!({"goal": goal})
}
