//! `embedd` as its callers see it: the router that is served, called in process, with the real model.
#![allow(missing_docs, clippy::unwrap_used)]

mod embed;
mod readiness;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use client::PeerUrls;
use embedd::Config;
use models::{DEFAULT_MODEL, ModelSpec, Registry, Source};
use serde_json::Value;
use service::Env;
use tempfile::TempDir;
use tower::ServiceExt;
use wire::DaemonName;

/// The model that is built in.
fn minilm() -> ModelSpec {
    Registry::built_in().unwrap().find(DEFAULT_MODEL).unwrap().clone()
}

/// A daemon in a folder of its own.
struct Daemon {
    router: Router,
    env: Env,
    _folder: TempDir,
}

impl Daemon {
    async fn start(config: Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env = service::testing::env(folder.path(), PeerUrls::default()).unwrap();
        let app = embedd::build(config, env.clone()).await.unwrap();
        let router = service::testing::router(DaemonName::Embedd, app, &env).unwrap();
        Self { router, env, _folder: folder }
    }

    /// With the real model, loaded.
    async fn ready(config: Config) -> Self {
        let dir = models::default_dir().unwrap_or_else(|error| panic!("{error}"));
        models::pull(&minilm(), &dir, &Source::default(), |_| {})
            .unwrap_or_else(|error| panic!("these tests run the real model: {error}"));
        let daemon = Self::start(config).await;
        daemon.wait_until_ready().await;
        daemon
    }

    async fn wait_until_ready(&self) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !self.env.readiness.report().ready {
            let last = self.env.readiness.report();
            assert!(std::time::Instant::now() < deadline, "not ready in time: {last:?}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> (u16, Value) {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }
}
