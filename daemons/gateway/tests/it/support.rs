//! The gateway, daemons that do as they are told, and what they were asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header::CONTENT_TYPE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use client::PeerUrls;
use gateway::Config;
use serde_json::Value;
use service::{App, Env, Scope};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::ServiceExt;
use utoipa_axum::router::OpenApiRouter;
use wire::DaemonName;

/// Nobody listens at the port of tcpmux.
const NOWHERE: &str = "http://127.0.0.1:1";

/// What a daemon was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// The gateway and what stands behind it.
pub(crate) struct Bench {
    router: Router,
    log: Log,
    _folder: TempDir,
}

impl Bench {
    /// The gateway in front of daemons with these routes; the others are not there.
    pub(crate) async fn new(config: Config, daemons: Vec<(DaemonName, Router)>) -> Self {
        let (log, mut urls) = (Log::default(), Vec::new());
        for (name, routes) in daemons {
            urls.push((name, serve(name, routes, &log).await));
        }
        Self { log, ..Self::at(config, urls).await }
    }

    /// The gateway in front of what is at `urls`.
    pub(crate) async fn at(config: Config, urls: Vec<(DaemonName, String)>) -> Self {
        let (folder, mut peers) = (tempfile::tempdir().unwrap(), PeerUrls::default());
        for daemon in DaemonName::ALL {
            peers.set(daemon, NOWHERE);
        }
        for (daemon, url) in urls {
            peers.set(daemon, url);
        }
        let env = service::testing::env(folder.path(), peers).unwrap();
        let app = gateway::build(config, env.clone()).await.unwrap();
        let router = service::testing::router(DaemonName::Gateway, app, &env).unwrap();
        Self { router, log: Log::default(), _folder: folder }
    }

    /// The answer, its body yet to come.
    pub(crate) async fn send(&self, request: Request) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        // As a connection brings them: with their length, and to be read piece by piece.
        let request = request.header("content-length", body.len()).body(Body::from(body.to_owned()));
        let (head, body) = self.send(request.unwrap()).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: head.status.as_u16(), headers: head.headers, text }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, &[("x-request-id", "r-1")], &body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &[], "").await
    }

    /// All that the daemons were asked, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Asserts that it is a problem of this status, and gives its detail.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json", "{self:?}");
        self.json()["detail"].as_str().unwrap().to_owned()
    }
}

async fn serve(name: DaemonName, routes: Router, log: &Log) -> String {
    let (listener, url) = listen().await;
    let folder = tempfile::tempdir().unwrap();
    let env: Env = service::testing::env(folder.path(), PeerUrls::default()).unwrap();
    let app = App::new().stream(Scope::Read, OpenApiRouter::from(routes));
    let router = service::testing::router(name, app, &env).unwrap();
    let router = router.layer(from_fn_with_state(Arc::clone(log), record));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    url
}

async fn record(State(log): State<Log>, request: Request, next: Next) -> Response {
    let (path, headers) = (format!("{} {}", request.method(), request.uri()), request.headers().clone());
    log.lock().unwrap().push(Asked { path, headers });
    next.run(request).await
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A server that says `text` to whatever it is asked, and hangs up.
pub(crate) async fn hangs_up_after(text: &'static str) -> String {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await.unwrap();
                connection.write_all(text.as_bytes()).await.unwrap();
                connection.shutdown().await.unwrap();
            });
        }
    });
    url
}
