//! `storaged` over HTTP, its router called in process.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod conditions;
mod garbage;
mod reads;
mod writes;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use client::PeerUrls;
use serde_json::Value;
use storaged::Config;
use tempfile::TempDir;
use tower::ServiceExt;
use wire::DaemonName;

/// A daemon on a folder of its own.
struct Fixture {
    dir: TempDir,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Fixture {
    async fn new() -> Self {
        Self::with(Config::default()).await
    }

    async fn with(mut config: Config) -> Self {
        config.s3.bind.set_port(0);
        let dir = TempDir::new().unwrap();
        let env = service::testing::env(dir.path(), PeerUrls::default()).unwrap();
        let app = storaged::build(config, env.clone()).await.unwrap();
        let router = service::testing::router(DaemonName::Storaged, app, &env).unwrap();
        Self { dir, router }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer { status, headers, body }
    }

    /// Sends a request to `/storage/{path}` with the given headers.
    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/storage/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    async fn put(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.call(Method::PUT, path, &[], body).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.call(Method::GET, path, headers, "").await
    }

    /// `GET /storage{query}`.
    async fn list(&self, query: &str) -> Answer {
        self.send(Request::get(format!("/storage{query}")).body(Body::empty()).unwrap()).await
    }

    async fn keys(&self, query: &str) -> Vec<String> {
        let answer = self.list(query).await.json();
        answer["objects"].as_array().unwrap().iter().map(|o| o["key"].as_str().unwrap().to_owned()).collect()
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The `code` of a problem body.
    fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        self.json()["code"].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
