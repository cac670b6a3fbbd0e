//! An embedd that notes what it is sent and a vectord that keeps one index in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use client::PeerUrls;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;
use wire::embed::{EmbedRequest, EmbedResponse};
use wire::packed::{pack, unpack};
use wire::vectors::{AddItems, Added, CreateIndex, DeleteItems, Deleted};
use wire::{DaemonName, ErrorCode, Problem};

use super::super::round::PROBE;

/// What one item of the index is: vector and metadata.
pub(super) type Indexed = (Vec<f32>, Value);

/// An embedd and a vectord with one index, and whether they play along.
pub(super) struct Peers {
    pub items: Mutex<Option<BTreeMap<String, Indexed>>>,
    pub version: AtomicU64,
    pub created: AtomicUsize,
    /// What was embedded, without probes.
    pub texts: Mutex<Vec<String>>,
    pub model: Mutex<&'static str>,
    pub refuses_text: Mutex<Option<String>>,
    pub tokens: Mutex<Vec<String>>,
    /// So many additions are answered; the next ones never are.
    pub answers: AtomicUsize,
    pub stuck: Notify,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            items: Mutex::default(),
            version: AtomicU64::new(0),
            created: AtomicUsize::new(0),
            texts: Mutex::default(),
            model: Mutex::new("fake"),
            refuses_text: Mutex::default(),
            tokens: Mutex::default(),
            answers: AtomicUsize::new(usize::MAX),
            stuck: Notify::new(),
        }
    }
}

fn problem(code: ErrorCode, detail: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap();
    (status, Json(Problem::new(code, detail, "r1"))).into_response()
}

/// A vector that tells texts apart.
pub(super) fn vector_of(text: &str) -> Vec<f32> {
    vec![
        text.len() as f32,
        text.bytes().enumerate().map(|(at, byte)| (at + 1) as f32 * f32::from(byte)).sum(),
    ]
}

async fn embed(
    State(peers): State<Arc<Peers>>,
    headers: HeaderMap,
    Json(request): Json<EmbedRequest>,
) -> Response {
    let token = headers.get("authorization").and_then(|token| token.to_str().ok());
    peers.tokens.lock().extend(token.map(str::to_owned));
    let refused = peers.refuses_text.lock().clone();
    if request.texts.iter().any(|text| Some(text) == refused.as_ref()) {
        return problem(ErrorCode::InvalidArgument, "this text is not liked");
    }
    peers.texts.lock().extend(request.texts.iter().filter(|text| *text != PROBE).cloned());
    let vectors_b64 = request.texts.iter().map(|text| pack(&vector_of(text))).collect();
    let model = (*peers.model.lock()).to_owned();
    Json(EmbedResponse { vectors_b64, dimension: 2, model, ..EmbedResponse::default() }).into_response()
}

fn info(peers: &Peers, count: usize) -> Json<Value> {
    Json(json!({
        "name": "people", "dimension": 2, "distance": "cosine", "count": count,
        "version": peers.version.load(Ordering::Relaxed), "status": "ready", "sealed": 0, "segments": 0, "indexed": 0,
        "buffered": 0, "dead": 0, "unreachable": 0, "wal_bytes": 0,
    }))
}

async fn create(State(peers): State<Arc<Peers>>, Json(request): Json<CreateIndex>) -> Json<Value> {
    assert_eq!(request.dimension, 2, "the index has the model's dimension");
    let mut items = peers.items.lock();
    if items.is_none() {
        peers.created.fetch_add(1, Ordering::Relaxed);
    }
    let count = items.get_or_insert_default().len();
    info(&peers, count)
}

async fn look(State(peers): State<Arc<Peers>>) -> Response {
    match &*peers.items.lock() {
        Some(items) => info(&peers, items.len()).into_response(),
        None => problem(ErrorCode::NotFound, "no such index"),
    }
}

async fn add(
    State(peers): State<Arc<Peers>>,
    Path(_): Path<String>,
    Json(request): Json<AddItems>,
) -> Json<Added> {
    let added = request.items.len();
    for item in request.items {
        let vector = unpack(item.vector_b64.as_deref().unwrap()).unwrap();
        let metadata = item.metadata.parse().unwrap();
        peers.items.lock().as_mut().unwrap().insert(item.id, (vector, metadata));
    }
    let version = peers.version.fetch_add(1, Ordering::Relaxed) + 1;
    let take = |left: usize| if left == usize::MAX { Some(left) } else { left.checked_sub(1) };
    if peers.answers.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
        peers.stuck.notify_one();
        std::future::pending::<()>().await;
    }
    Json(Added { added, updated: 0, version })
}

async fn delete(
    State(peers): State<Arc<Peers>>,
    Path(_): Path<String>,
    Json(request): Json<DeleteItems>,
) -> Response {
    let mut items = peers.items.lock();
    let Some(items) = items.as_mut() else { return problem(ErrorCode::NotFound, "no such index") };
    let deleted = request.ids.iter().filter(|id| items.remove(*id).is_some()).count();
    let version = peers.version.fetch_add(1, Ordering::Relaxed) + 1;
    Json(Deleted { deleted, version }).into_response()
}

pub(super) async fn serve(peers: Arc<Peers>) -> PeerUrls {
    let router = Router::new()
        .route("/embed", post(embed))
        .route("/vectors/index", post(create))
        .route("/vectors/index/{name}", get(look))
        .route("/vectors/index/{name}/add", post(add))
        .route("/vectors/index/{name}/delete", post(delete))
        .with_state(peers);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut urls = PeerUrls::default();
    urls.set(DaemonName::Embedd, &url);
    urls.set(DaemonName::Vectord, &url);
    urls
}
