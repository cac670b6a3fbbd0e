//! A caller that leaves takes the provider's work with it.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures::StreamExt;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::Daemon;

/// How long the provider may take to see that nobody listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// An Ollama that begins to answer and then says nothing more: its address, a message when it has been asked, and one when
/// its caller has closed the connection.
pub(crate) async fn silent() -> (String, oneshot::Receiver<()>, oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ((asked, was_asked), (closed, was_closed)) = (oneshot::channel(), oneshot::channel());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 64 << 10];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let first =
            "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"done\":false}\n";
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
        let chunk = format!("{head}{:x}\r\n{first}\r\n", first.len());
        stream.write_all(chunk.as_bytes()).await.unwrap();
        // Not every test waits for this.
        asked.send(()).unwrap_or_default();
        // Nothing more is sent: what ends the reading is the end of the connection.
        while stream.read(&mut request).await.is_ok_and(|read| read > 0) {}
        closed.send(()).unwrap();
    });
    (url, was_asked, was_closed)
}

#[tokio::test]
async fn caller_that_leaves_in_mid_stream_stops_the_provider_in_every_shape() {
    for path in ["/chat", "/v1/chat/completions", "/api/chat"] {
        let (url, _, closed) = silent().await;
        let daemon = Daemon::over(url).await;
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": true});
        let request = Request::post(path).body(Body::from(body.to_string())).unwrap();
        let answer = daemon.router.clone().oneshot(request).await.unwrap();
        let mut frames = answer.into_body().into_data_stream();
        assert!(frames.next().await.unwrap().is_ok());
        drop(frames);
        tokio::time::timeout(PATIENCE, closed).await.expect(path).unwrap();
    }
}

#[tokio::test]
async fn caller_that_leaves_before_the_answer_stops_the_provider() {
    let (url, asked, closed) = silent().await;
    let daemon = Daemon::over(url).await;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
    let request = Request::post("/chat").body(Body::from(body.to_string())).unwrap();
    let waiting = tokio::spawn(daemon.router.clone().oneshot(request));
    asked.await.unwrap();
    waiting.abort();
    tokio::time::timeout(PATIENCE, closed).await.unwrap().unwrap();
}
