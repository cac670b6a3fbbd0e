//! `chatd` as its callers see it: the router that is served, called in process, over providers in this process.
#![allow(missing_docs, clippy::unwrap_used)]

mod budgets;
mod chat;
mod faces;
mod leaving;
mod local;
mod recording;
mod secrets;
mod tools;

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::{get, post};
use chatd::Config;
use client::PeerUrls;
use llm::ProviderSettings;
use serde_json::Value;
use service::testing::Hook;
use tower::ServiceExt;
use wire::DaemonName;

/// Two pieces and an end, as Ollama streams them.
const STREAM: &str = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n\
    {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"lo\"},\"done\":false}\n\
    {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"length\",\
    \"prompt_eval_count\":5,\"eval_count\":2}\n";
/// The same, broken off after the first piece.
const BROKEN: &str =
    "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n";
const WHOLE: &str = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hello\"},\"done\":true,\
    \"done_reason\":\"stop\",\"prompt_eval_count\":5,\"eval_count\":2}";
const TAGS: &str = "{\"models\":[{\"name\":\"m\",\"model\":\"m\"},{\"name\":\"n\",\"model\":\"n\"}]}";

/// An Ollama that streams `stream` and answers `WHOLE` to those who do not want a stream.
async fn ollama(stream: &'static str) -> SocketAddr {
    let chat = move |body: String| async move {
        let body: Value = serde_json::from_str(&body).unwrap();
        if body["stream"] == false { WHOLE } else { stream }
    };
    let router = Router::new().route("/api/chat", post(chat)).route("/api/tags", get(|| async { TAGS }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

struct Daemon {
    router: Router,
    on_shutdown: Vec<Hook>,
    folder: tempfile::TempDir,
}

impl Daemon {
    /// With one provider, named `near`, at `url`.
    async fn over(url: String) -> Self {
        let provider =
            ProviderSettings { name: "near".into(), url: Some(url), ..ProviderSettings::default() };
        Self::start(Config { providers: vec![provider], max_messages: 3, ..Config::default() }).await
    }

    async fn start(config: Config) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), config).await
    }

    /// With what another one has left in `folder`.
    async fn start_in(folder: tempfile::TempDir, config: Config) -> Self {
        Self::start_among(PeerUrls::default(), folder, config).await
    }

    async fn start_among(peers: PeerUrls, folder: tempfile::TempDir, config: Config) -> Self {
        let env = service::testing::env(folder.path(), peers).unwrap();
        let app = chatd::build(config, env.clone()).await.unwrap();
        let (router, on_shutdown) = service::testing::parts(DaemonName::Chatd, app, &env).unwrap();
        Self { router, on_shutdown, folder }
    }

    /// Ends it in good order, and says where its data are.
    async fn stop(self) -> tempfile::TempDir {
        for hook in self.on_shutdown {
            hook.await;
        }
        self.folder
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, String) {
        let request = Request::post(path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.send(Request::get(path).body(Body::empty()).unwrap()).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn send(&self, request: Request<Body>) -> (u16, String) {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The `data:` of each event, and its `event:` name where it has one.
fn events(body: &str) -> Vec<(String, String)> {
    let field = |event: &str, name: &str| {
        let value = event.lines().find_map(|line| line.strip_prefix(name));
        value.unwrap_or_default().trim().to_owned()
    };
    let events = body.split("\n\n").filter(|event| !event.trim().is_empty());
    events.map(|event| (field(event, "event:"), field(event, "data:"))).collect()
}
