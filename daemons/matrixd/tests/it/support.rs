//! Fake peers over real HTTP, and matrixd's router called in process.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use client::PeerUrls;
use matrixd::Config;
use serde_json::{Value, json};
use service::ServiceToken;
use tempfile::TempDir;
use tower::ServiceExt;
use wire::DaemonName;
use wire::packed::pack;

/// How long a test waits for what happens in the background.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a fake peer was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// What a fake peer says.
pub(crate) struct Reply(pub(crate) u16, pub(crate) &'static [(&'static str, &'static str)], pub(crate) Value);

/// A plain answer.
pub(crate) fn ok(body: Value) -> Reply {
    Reply(200, &[], body)
}

/// A problem of `code`.
pub(crate) fn problem(code: wire::ErrorCode) -> Reply {
    Reply(code.status(), &[], json!(wire::Problem::new(code, "the fake says so", "r")))
}

/// What a fake peer says to what.
pub(crate) type Script = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;
type Log = Arc<Mutex<Vec<Asked>>>;

/// matrixd with its peers; those that no script was given for are not there.
pub(crate) struct Bench {
    router: Router,
    log: Log,
    env: service::Env,
    _folder: TempDir,
}

impl Bench {
    /// matrixd over one fake peer for each script.
    pub(crate) async fn new(scripts: Vec<(DaemonName, Script)>) -> Self {
        Self::with_config(Config::default(), scripts).await
    }

    pub(crate) async fn with_config(config: Config, scripts: Vec<(DaemonName, Script)>) -> Self {
        Self::with_token(config, scripts, ServiceToken::NotNeeded).await
    }

    pub(crate) async fn with_token(
        config: Config,
        scripts: Vec<(DaemonName, Script)>,
        service_token: ServiceToken,
    ) -> Self {
        let (folder, log) = (tempfile::tempdir().unwrap(), Log::default());
        let mut urls = PeerUrls::default();
        for daemon in DaemonName::ALL {
            // Port 1 on loopback refuses connections.
            urls.set(daemon, "http://127.0.0.1:1");
        }
        for (daemon, script) in scripts {
            urls.set(daemon, serve(script, Arc::clone(&log)).await);
        }
        let env = service::Env { service_token, ..service::testing::env(folder.path(), urls).unwrap() };
        let app = matrixd::build(config, env.clone()).await.unwrap();
        let router = service::testing::router(DaemonName::Matrixd, app, &env).unwrap();
        Self { router, log, env, _folder: folder }
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_with(path, &[], body).await
    }

    pub(crate) async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn send(&self, request: Request) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// Everything that peers were asked at paths that end so.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        let log = self.log.lock().unwrap();
        log.iter().filter(|asked| asked.path.ends_with(path)).cloned().collect()
    }

    /// What `/readyz` calls degraded.
    pub(crate) fn degraded(&self) -> Vec<String> {
        self.env.readiness.report().degraded
    }

    /// Waits until `is_so`; panics with `what` if that does not come.
    pub(crate) async fn wait_until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            let log = self.log.lock().unwrap().clone();
            assert!(started.elapsed() < PATIENCE, "never {what}; peers were asked {log:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// The detail of a problem.
    pub(crate) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }
}

/// A script for one peer.
pub(crate) fn fake(
    daemon: DaemonName,
    script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> (DaemonName, Script) {
    (daemon, Arc::new(script))
}

/// embedd with one vector for every text.
pub(crate) fn embedd() -> (DaemonName, Script) {
    fake(DaemonName::Embedd, |asked| {
        let vectors: Vec<String> =
            asked.body["texts"].as_array().unwrap().iter().map(|_| pack(&[1.0, 0.0])).collect();
        ok(json!({"vectors_b64": vectors, "dimension": 2, "model": "fake"}))
    })
}

/// pathwayd that gives every recording the same id, and lists what it was told.
pub(crate) fn pathwayd() -> (DaemonName, Script) {
    let told = Mutex::new(Vec::new());
    fake(DaemonName::Pathwayd, move |asked| {
        let mut told = told.lock().unwrap();
        if asked.path.starts_with("GET") {
            return ok(json!({ "pathways": *told }));
        }
        let mut pathway = asked.body.clone();
        let fixed = json!({"id": PLAYBOOK_ID, "version": 1, "state": "active", "created": "2026-11-22T00:00:00Z",
                           "updated": "2026-11-22T00:00:00Z"});
        for (key, value) in fixed.as_object().unwrap() {
            pathway[key] = value.clone();
        }
        told.push(pathway);
        Reply(201, &[], json!({"id": PLAYBOOK_ID, "version": 1}))
    })
}

/// vectord with a cosine corpus that has every item asked for by id, and a playbook memory that answers writes so.
pub(crate) fn vectord(write: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (DaemonName, Script) {
    fake(DaemonName::Vectord, move |asked| {
        if asked.path.starts_with("GET") {
            return ok(index_info("workers", "cosine"));
        }
        match asked.body["ids"].as_array() {
            Some(ids) if asked.path.ends_with("/search") => {
                let hit = |id: &Value| json!({"id": id, "distance": 0.1, "metadata": {}});
                ok(json!({"results": ids.iter().map(hit).collect::<Vec<_>>(), "version": 1}))
            }
            _ => write(asked),
        }
    })
}

pub(crate) const PLAYBOOK_ID: &str = "0193b2c4-0000-7000-8000-000000000001";

/// `GET /vectors/index/{name}` of a cosine index.
pub(crate) fn index_info(name: &str, distance: &str) -> Value {
    json!({"name": name, "dimension": 2, "distance": distance, "count": 1, "version": 1, "status": "ready",
           "sealed": 0, "segments": 0, "indexed": 0, "buffered": 0, "dead": 0, "unreachable": 0, "wal_bytes": 0})
}

async fn serve(script: Script, log: Log) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(reply).with_state((script, log));
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    url
}

async fn reply(State((script, log)): State<(Script, Log)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let path = format!("{} {}", parts.method, parts.uri.path());
    let asked =
        Asked { path, headers: parts.headers, body: serde_json::from_slice(&bytes).unwrap_or_default() };
    log.lock().unwrap().push(asked.clone());
    let Reply(status, headers, body) = script(&asked);
    let mut response = (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}
