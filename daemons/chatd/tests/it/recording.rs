//! What observerd, the real one, is told of exchanges.

use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use chatd::{Config, RecordingConfig};
use client::PeerUrls;
use futures::StreamExt;
use llm::ProviderSettings;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use tower::ServiceExt;
use wire::DaemonName;

use crate::{BROKEN, Daemon, STREAM, leaving, ollama};

/// observerd over a folder, and its address.
struct Observerd {
    router: Router,
    peers: PeerUrls,
    _folder: tempfile::TempDir,
}

impl Observerd {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let router = observerd(folder.path()).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peers = at(&format!("http://{}", listener.local_addr().unwrap()));
        let served = router.clone();
        tokio::spawn(async move { axum::serve(listener, served).await });
        Self { router, peers, _folder: folder }
    }

    /// The attributes of all events, in the order of their arrival.
    async fn attributes(&self) -> Vec<Value> {
        let request = Request::get("/observer/events?kind=gen_ai.client.inference.operation.details");
        let answer = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let page: Value = serde_json::from_slice(&body).unwrap();
        page["events"].as_array().unwrap().iter().map(|event| event["attributes"].clone()).collect()
    }
}

async fn observerd(folder: &Path) -> Router {
    let env = service::testing::env(folder, PeerUrls::default()).unwrap();
    let app = observerd::build(observerd::Config::default(), env.clone()).await.unwrap();
    service::testing::router(DaemonName::Observerd, app, &env).unwrap()
}

fn at(url: &str) -> PeerUrls {
    let mut peers = PeerUrls::default();
    peers.set(DaemonName::Observerd, url);
    peers
}

async fn chatd(peers: PeerUrls, url: String, recording: RecordingConfig) -> Daemon {
    let provider = ProviderSettings { name: "near".into(), url: Some(url), ..ProviderSettings::default() };
    let config = Config { providers: vec![provider], recording, ..Config::default() };
    Daemon::start_among(peers, tempfile::tempdir().unwrap(), config).await
}

async fn over(stream: &'static str) -> String {
    format!("http://{}", ollama(stream).await)
}

fn recording(content: bool) -> RecordingConfig {
    RecordingConfig { enabled: true, content, ..RecordingConfig::default() }
}

fn request(stream: bool) -> Value {
    json!({"model": "m", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "My SSN?"}],
        "temperature": 0.5, "max_tokens": 3, "stream": stream})
}

#[tokio::test]
async fn exchange_is_told_in_the_words_of_the_conventions_and_without_what_was_said() {
    let (observerd, url) = (Observerd::start().await, over(STREAM).await);
    let daemon = chatd(observerd.peers.clone(), url.clone(), recording(false)).await;
    for stream in [false, true] {
        assert_eq!(daemon.post("/chat", &request(stream)).await.0, 200);
    }
    daemon.stop().await;
    let told = observerd.attributes().await;
    assert_eq!(told.len(), 2, "{told:?}");
    let port: u16 = url.rsplit(':').next().unwrap().parse().unwrap();
    for (attributes, stream) in told.iter().zip([false, true]) {
        let expected = json!({
            "schema_url": "https://opentelemetry.io/schemas/1.37.0",
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "ollama",
            "gen_ai.request.model": "m",
            "gen_ai.response.model": "m",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.max_tokens": 3,
            "gen_ai.response.finish_reasons": [if stream { "length" } else { "stop" }],
            "gen_ai.usage.input_tokens": 5,
            "gen_ai.usage.output_tokens": 2,
            "server.address": "127.0.0.1",
            "server.port": port,
            "lakehouse.provider": "near",
            "lakehouse.stream": stream,
            "lakehouse.attempts": 1,
            "lakehouse.usage_estimated": false,
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&attributes[name], value, "{name} of {attributes}");
        }
        assert_eq!(attributes["lakehouse.time_to_first_token_s"].is_f64(), stream);
        assert!(attributes.get("error.type").is_none());
        assert!(!attributes.to_string().contains("SSN"), "{attributes}");
    }
}

#[tokio::test]
async fn what_was_said_is_told_where_it_is_asked_for_also_of_answers_that_end_early() {
    let observerd = Observerd::start().await;
    let daemon = chatd(observerd.peers.clone(), over(BROKEN).await, recording(true)).await;
    for stream in [false, true] {
        daemon.post("/chat", &request(stream)).await;
    }
    daemon.stop().await;
    let told = observerd.attributes().await;
    let text = |text: &str| json!([{"type": "text", "content": text}]);
    for (attributes, (said, end)) in told.iter().zip([("Hello", "stop"), ("Hel", "error")]) {
        assert_eq!(attributes["gen_ai.system_instructions"], text("Be brief."));
        assert_eq!(attributes["gen_ai.input.messages"], json!([{"role": "user", "parts": text("My SSN?")}]));
        let output = json!([{"role": "assistant", "parts": text(said), "finish_reason": end}]);
        assert_eq!(attributes["gen_ai.output.messages"], output);
    }
    assert_eq!(told[1]["error.type"], "upstream_failed");
    assert_eq!(told[1]["gen_ai.usage.output_tokens"], 1);
}

#[tokio::test]
async fn caller_that_leaves_is_told_of_too() {
    let observerd = Observerd::start().await;
    let (url, _, closed) = leaving::silent().await;
    let daemon = chatd(observerd.peers.clone(), url, recording(false)).await;
    let post = Request::post("/chat").body(Body::from(request(true).to_string())).unwrap();
    let mut frames = daemon.router.clone().oneshot(post).await.unwrap().into_body().into_data_stream();
    assert!(frames.next().await.unwrap().is_ok());
    drop(frames);
    closed.await.unwrap();
    daemon.stop().await;
    assert_eq!(observerd.attributes().await[0]["error.type"], "abandoned");
}

#[tokio::test]
async fn nothing_is_told_unless_it_is_configured() {
    let observerd = Observerd::start().await;
    let daemon = chatd(observerd.peers.clone(), over(STREAM).await, RecordingConfig::default()).await;
    assert_eq!(daemon.post("/chat", &request(false)).await.0, 200);
    daemon.stop().await;
    assert_eq!(observerd.attributes().await, [Value::Null; 0]);
}

#[tokio::test]
async fn chat_goes_on_without_observerd_and_what_is_dropped_is_counted() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let small = RecordingConfig { queue: 2, ..recording(false) };
    let daemon = chatd(at("http://127.0.0.1:1"), over(STREAM).await, small).await;
    for _ in 0..8 {
        assert_eq!(daemon.post("/chat", &request(false)).await.0, 200);
    }
    daemon.stop().await;
    // All are accounted for: some found the queue full, the others were waiting at the end.
    let text = handle.render();
    let count = |reason: &str| -> u64 {
        let line = format!("chatd_records_dropped_total{{reason=\"{reason}\"}} ");
        text.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
    };
    let (full, last) = (count("queue_full"), count("shutdown"));
    assert!(full > 0 && last > 0 && full + last == 8, "{full} and {last}: {text}");
}

#[tokio::test]
async fn observerd_that_never_answers_holds_up_no_chat() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peers = at(&format!("http://{}", listener.local_addr().unwrap()));
    let small = RecordingConfig { queue: 1, ..recording(false) };
    let daemon = chatd(peers, over(STREAM).await, small).await;
    let (mut held, _) = {
        assert_eq!(daemon.post("/chat", &request(false)).await.0, 200);
        listener.accept().await.unwrap()
    };
    // It has the first record now, and keeps it.
    tokio::io::AsyncReadExt::read(&mut held, &mut [0; 16]).await.unwrap();
    for _ in 0..4 {
        assert_eq!(daemon.post("/chat", &request(true)).await.0, 200);
    }
}
