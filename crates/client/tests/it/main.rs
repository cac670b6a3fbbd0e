//! What a call promises: it is repeated only where that does no harm, it ends with the deadline, and its failure names
//! the peer.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use client::{Error, Peer, PeerUrls, Peers};
use serde_json::{Value, json};
use wire::context::{DEADLINE_MS, REQUEST_ID, Secret};
use wire::{CallContext, DaemonName, ErrorCode, Problem};

/// A peer that is overloaded at first and serves from the third request on.
#[derive(Clone, Default)]
struct Busy(Arc<AtomicUsize>);

async fn busy(State(busy): State<Busy>) -> Response {
    if busy.0.fetch_add(1, Ordering::SeqCst) < 2 {
        let problem = Problem::new(ErrorCode::Overloaded, "too much at once", "r");
        return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], Json(problem)).into_response();
    }
    Json(json!({"served": true})).into_response()
}

async fn echo(headers: HeaderMap) -> Json<Value> {
    let text = |name: HeaderName| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    Json(json!([text(REQUEST_ID), text(AUTHORIZATION), text(DEADLINE_MS)]))
}

/// A peer in this process, and how often its `/busy` was asked.
async fn peer() -> (Peer, Busy) {
    client::install_tls_provider();
    let asked = Busy::default();
    let routes = Router::new()
        .route("/busy", post(busy))
        .route("/never", get(pending::<()>))
        .route("/echo", get(echo))
        .route("/prose", get(async || (StatusCode::BAD_GATEWAY, "<html>oops</html>")))
        .with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (peer_at(&url), asked)
}

fn peer_at(url: &str) -> Peer {
    let mut urls = PeerUrls::default();
    urls.set(DaemonName::Vectord, url);
    Peers::new(urls).unwrap().peer(DaemonName::Vectord)
}

fn context() -> CallContext {
    CallContext::root(Duration::from_secs(10))
}

#[tokio::test]
async fn call_that_is_safe_to_repeat_is_repeated_until_it_is_served() {
    let (peer, asked) = peer().await;
    let answer: Value = peer.post_idempotent(&context(), "/busy", &json!({})).await.unwrap();
    assert_eq!(answer, json!({"served": true}));
    assert_eq!(asked.0.load(Ordering::SeqCst), 3);
}

/// It reads one request and dies, as with SIGKILL: who called must not think that nothing has happened.
#[tokio::test]
async fn call_that_may_have_been_served_is_not_said_to_have_met_nobody() {
    client::install_tls_provider();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = peer_at(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        drop(listener);
        connection.readable().await.unwrap();
    });
    let error = peer.post_idempotent::<_, Value>(&context(), "/once", &json!({})).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
    let error = peer.post_idempotent::<_, Value>(&context(), "/once", &json!({})).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && !error.is_outcome_unknown(), "{error:?}");
}

#[tokio::test]
async fn call_that_could_do_harm_twice_is_sent_once() {
    let (peer, asked) = peer().await;
    let error = peer.post::<_, Value>(&context(), "/busy", &json!({})).await.unwrap_err();
    assert!(error.is(ErrorCode::Overloaded), "{error}");
    assert_eq!(asked.0.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn call_ends_with_the_deadline_of_its_context() {
    let (peer, _) = peer().await;
    let ctx = CallContext::root(Duration::from_millis(30));
    let error = peer.get::<Value>(&ctx, "/never").await.unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded { peer: DaemonName::Vectord }), "{error}");
}

#[tokio::test]
async fn context_travels_in_the_headers() {
    let (peer, _) = peer().await;
    let ctx = context().with_token(Some(Secret::new("t0ken")));
    let [id, token, deadline]: [String; 3] = peer.get(&ctx, "/echo").await.unwrap();
    assert_eq!((id, token.as_str()), (ctx.request_id.clone(), "Bearer t0ken"));
    assert!((1..=10_000).contains(&deadline.parse().unwrap()), "{deadline}");
}

#[tokio::test]
async fn peer_that_is_not_there_is_named() {
    client::install_tls_provider();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let error = peer_at(&url).get::<Value>(&context(), "/x").await.unwrap_err();
    assert_eq!(error.to_string(), format!("vectord at {url} does not answer"));
}

#[tokio::test]
async fn answer_that_is_no_problem_body_is_still_an_error_with_its_status() {
    let (peer, _) = peer().await;
    let error = peer.get::<Value>(&context(), "/prose").await.unwrap_err();
    assert!(error.to_string().contains("502") && error.to_string().contains("oops"), "{error}");
}
