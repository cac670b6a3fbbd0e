//! `vectord` as its callers see it: the router that is served, called in process.
#![allow(missing_docs, clippy::unwrap_used)]

mod damage;
mod indexes;
mod items;
mod search;
mod versions;

use std::path::Path;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use client::PeerUrls;
use serde_json::{Value, json};
use service::Env;
use tempfile::TempDir;
use tower::ServiceExt;
use vectord::Config;
use wire::DaemonName;

/// A daemon, ready, in a folder of its own.
struct Daemon {
    router: Router,
    env: Env,
    folder: TempDir,
}

impl Daemon {
    async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    async fn start_in(folder: TempDir) -> Self {
        let env = service::testing::env(folder.path(), PeerUrls::default()).unwrap();
        let app = vectord::build(Config::default(), env.clone()).await.unwrap();
        let router = service::testing::router(DaemonName::Vectord, app, &env).unwrap();
        let daemon = Self { router, env, folder };
        daemon.wait_until_ready().await;
        daemon
    }

    /// With the index `t` of 2 dimensions under cosine.
    async fn with_index() -> Self {
        let daemon = Self::start().await;
        let (status, _) = daemon.post("/vectors/index", json!({"name": "t", "dimension": 2})).await;
        assert_eq!(status, 201);
        daemon
    }

    async fn restart(self) -> Self {
        let Self { router, env, folder } = self;
        env.shutdown.cancel();
        env.tasks.close();
        env.tasks.wait().await;
        drop(router);
        Self::start_in(folder).await
    }

    async fn wait_until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.env.readiness.report().ready {
            let last = self.env.readiness.report();
            assert!(Instant::now() < deadline, "not ready in time: {last:?}");
            tokio::task::yield_now().await;
        }
    }

    fn index_folder(&self, name: &str) -> std::path::PathBuf {
        let root: &Path = &self.env.data_dir;
        root.join("indexes").join(name)
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, path, body.to_string()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Method::GET, path, String::new()).await
    }

    async fn delete(&self, path: &str) -> u16 {
        self.send(Method::DELETE, path, String::new()).await.0
    }

    async fn send(&self, method: Method, path: &str, body: String) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let response = self.router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

/// Asserts a problem of this status and code whose detail says `expected`.
#[track_caller]
fn assert_problem((status, body): (u16, Value), expected_status: u16, code: &str, expected: &str) {
    assert_eq!((status, body["code"].as_str()), (expected_status, Some(code)), "{body}");
    assert!(body["detail"].as_str().unwrap().contains(expected), "{body}");
}
