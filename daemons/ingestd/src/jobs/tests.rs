//! Jobs from submission to their end, against an embedd and a vectord that note what they are sent.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use client::PeerUrls;
use parking_lot::Mutex;
use serde_json::json;
use wire::embed::{EmbedRequest, EmbedResponse};
use wire::ingest::IndexJobState;
use wire::packed::{pack, unpack};
use wire::vectors::{AddItems, Added, CreateIndex, NewItem};
use wire::{DaemonName, Problem};

use super::*;
use crate::fake::{World, request};

/// What the peers were sent, and whether they play along.
#[derive(Default)]
struct Peers {
    created: Mutex<Vec<CreateIndex>>,
    items: Mutex<Vec<NewItem>>,
    refuses_text: Mutex<Option<String>>,
    tokens: Mutex<Vec<String>>,
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
        let problem = Problem::new(ErrorCode::InvalidArgument, "this text is not liked", "r1");
        return (StatusCode::BAD_REQUEST, Json(problem)).into_response();
    }
    let vectors_b64 = request.texts.iter().map(|text| pack(&[text.len() as f32, 1.0])).collect();
    Json(EmbedResponse { vectors: Vec::new(), vectors_b64, dimension: 2, model: "fake".to_owned() })
        .into_response()
}

async fn create(State(peers): State<Arc<Peers>>, Json(request): Json<CreateIndex>) -> Response {
    let info = json!({
        "name": request.name, "dimension": request.dimension, "distance": "cosine", "count": 0, "version": 1,
        "status": "ready", "sealed": 0, "segments": 0, "indexed": 0, "buffered": 0, "dead": 0, "unreachable": 0, "wal_bytes": 0,
    });
    peers.created.lock().push(request);
    (StatusCode::CREATED, Json(info)).into_response()
}

async fn add(
    State(peers): State<Arc<Peers>>,
    Path(_): Path<String>,
    Json(request): Json<AddItems>,
) -> Json<Added> {
    let added = request.items.len();
    peers.items.lock().extend(request.items);
    Json(Added { added, updated: 0, version: 2 })
}

/// A job service over a table of six people, in batches of two rows.
struct Fixture {
    world: World,
    peers: Arc<Peers>,
    jobs: Jobs,
}

const PEOPLE: &str = "id,role,years\na,Welder,1\nb,Welder,2\nc,Cook,3\nd,Cook,4\ne,,5\nf,Nurse,6\n";

impl Fixture {
    async fn new() -> Self {
        let peers = Arc::new(Peers::default());
        let router = Router::new()
            .route("/embed", post(embed))
            .route("/vectors/index", post(create))
            .route("/vectors/index/{name}/add", post(add))
            .with_state(peers.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut urls = PeerUrls::default();
        urls.set(DaemonName::Embedd, &url);
        urls.set(DaemonName::Vectord, &url);
        Self::with_peers(peers, urls).await
    }

    async fn with_peers(peers: Arc<Peers>, urls: PeerUrls) -> Self {
        let world = World::new();
        world.load(&request("hr.people"), PEOPLE).await.unwrap();
        let env = service::testing::env(world.folder.path(), urls).unwrap();
        let ledger = Ledger::open(&world.folder.path().join("jobs.sqlite"), &[MIGRATION]).unwrap();
        let config = Config { index_batch_rows: 2, peer_patience_s: 0, ..Config::default() };
        let jobs = Jobs::new(env, world.warehouse.clone(), world.catalogue.clone(), ledger, Arc::new(config));
        Self { world, peers, jobs }
    }

    async fn submit(&self, request: IndexJobRequest) -> Result<String, ApiError> {
        self.jobs.submit(&CallContext::root(Duration::from_secs(60)), request).await
    }

    /// Waits until all jobs have ended.
    async fn ended(&self, job_id: String) -> IndexJob {
        self.jobs.env.tasks.close();
        tokio::time::timeout(Duration::from_secs(60), self.jobs.env.tasks.wait()).await.unwrap();
        self.jobs.get(job_id).await.unwrap().unwrap()
    }

    fn indexed_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.peers.items.lock().iter().map(|item| item.id.clone()).collect();
        ids.sort();
        ids
    }
}

fn people() -> IndexJobRequest {
    IndexJobRequest {
        table: "hr.people".to_owned(),
        id_column: "id".to_owned(),
        text_template: "{role} ({years})".to_owned(),
        metadata_columns: vec!["role".to_owned(), "years".to_owned()],
        index: "people".to_owned(),
    }
}

#[tokio::test]
async fn every_row_is_embedded_and_indexed_with_its_metadata() {
    let fixture = Fixture::new().await;
    let job_id = fixture.submit(people()).await.unwrap();
    let job = fixture.ended(job_id).await;
    assert_eq!((job.state, job.done, job.total, job.error), (IndexJobState::Succeeded, 6, 6, None));
    assert!(job.rate > 0.0);
    let created = fixture.peers.created.lock();
    assert_eq!(
        (created.len(), created[0].dimension),
        (1, 2),
        "the index is made once, of the model's dimension"
    );
    assert_eq!(fixture.indexed_ids(), ["a", "b", "c", "d", "e", "f"]);
    let items = fixture.peers.items.lock();
    let cook = items.iter().find(|item| item.id == "c").unwrap();
    assert_eq!(cook.metadata.parse::<serde_json::Value>().unwrap(), json!({"role": "Cook", "years": 3}));
    let vector = unpack(cook.vector_b64.as_deref().unwrap()).unwrap();
    assert_eq!(vector, ["Cook (3)".len() as f32, 1.0], "vectors stay with their rows");
}

#[tokio::test]
async fn killed_job_goes_on_behind_the_last_counted_batch() {
    let fixture = Fixture::new().await;
    let snapshot_id = fixture.world.snapshot_id("hr.people").unwrap();
    let job_id = "00000000000000000000000000000001".to_owned();
    let job = StoredJob { job_id: job_id.clone(), request: people(), snapshot_id, done: 0, total: 6 };
    fixture.jobs.store.insert(&job).await.unwrap();
    fixture.jobs.store.progress(job_id.clone(), 3, 10.0).await.unwrap();
    fixture.jobs.resume().await.unwrap();
    let job = fixture.ended(job_id).await;
    assert_eq!((job.state, job.done), (IndexJobState::Succeeded, 6));
    assert_eq!(fixture.indexed_ids(), ["d", "e", "f"]);
}

#[tokio::test]
async fn killed_job_whose_token_is_gone_waits_until_the_daemon_has_one_of_its_own() {
    let mut fixture = Fixture::new().await;
    let snapshot_id = fixture.world.snapshot_id("hr.people").unwrap();
    let job = StoredJob { job_id: "1".to_owned(), request: people(), snapshot_id, done: 0, total: 6 };
    fixture.jobs.store.insert(&job).await.unwrap();
    fixture.jobs.env.service_token = ServiceToken::Missing;
    fixture.jobs.resume().await.unwrap();
    let waiting = fixture.jobs.get("1".to_owned()).await.unwrap().unwrap();
    assert_eq!(waiting.state, IndexJobState::Queued);
    assert!(waiting.error.is_some_and(|error| error.contains("auth.service_token")));
    let degraded = fixture.jobs.env.readiness.report().degraded;
    assert!(degraded[0].contains("auth.service_token") && degraded[0].contains("1 wait"), "{degraded:?}");

    fixture.jobs.env.service_token = ServiceToken::Known(Secret::new("the service's own"));
    fixture.jobs.resume().await.unwrap();
    let job = fixture.ended("1".to_owned()).await;
    assert_eq!((job.state, job.done, job.error), (IndexJobState::Succeeded, 6, None));
    let tokens = fixture.peers.tokens.lock();
    assert_eq!(*tokens, ["Bearer the service's own"; 3]);
}

#[tokio::test]
async fn job_indexes_the_snapshot_that_it_was_submitted_for() {
    let fixture = Fixture::new().await;
    let snapshot_id = fixture.world.snapshot_id("hr.people").unwrap();
    fixture.world.load(&request("hr.people"), "id,role,years\ng,Cook,7\n").await.unwrap();
    let job = StoredJob { job_id: "1".to_owned(), request: people(), snapshot_id, done: 0, total: 6 };
    fixture.jobs.store.insert(&job).await.unwrap();
    fixture.jobs.resume().await.unwrap();
    assert_eq!(fixture.ended("1".to_owned()).await.done, 6);
    assert_eq!(fixture.indexed_ids().len(), 6);
}

#[tokio::test]
async fn failure_says_which_rows_and_why() {
    let fixture = Fixture::new().await;
    *fixture.peers.refuses_text.lock() = Some("Cook (3)".to_owned());
    let job_id = fixture.submit(people()).await.unwrap();
    let job = fixture.ended(job_id).await;
    let error = job.error.unwrap();
    assert_eq!((job.state, job.done), (IndexJobState::Failed, 2));
    assert!(error.contains("rows 3 to 4") && error.contains("this text is not liked"), "{error}");
}

#[tokio::test]
async fn peer_that_stays_away_is_named() {
    // A port that was free a moment ago: nobody answers there.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut urls = PeerUrls::default();
    urls.set(DaemonName::Embedd, format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let fixture = Fixture::with_peers(Arc::default(), urls).await;
    let job_id = fixture.submit(people()).await.unwrap();
    let job = fixture.ended(job_id).await;
    assert!(job.error.as_deref().is_some_and(|error| error.contains("embedd")), "{job:?}");
}

#[tokio::test]
async fn row_without_an_id_fails_the_job_and_is_named() {
    let fixture = Fixture::new().await;
    let request = IndexJobRequest { id_column: "role".to_owned(), ..people() };
    let job_id = fixture.submit(request).await.unwrap();
    let job = fixture.ended(job_id).await;
    assert!(job.error.as_deref().is_some_and(|error| error.starts_with("row 5: column \"role\"")), "{job:?}");
}

#[tokio::test]
async fn request_that_cannot_work_is_refused_at_once() {
    let fixture = Fixture::new().await;
    let refused = |change: fn(&mut IndexJobRequest)| {
        let mut request = people();
        change(&mut request);
        request
    };
    for (request, code, said) in [
        (refused(|r| r.id_column = "idd".into()), ErrorCode::InvalidArgument, "\"id\""),
        (refused(|r| r.text_template = "{roel}".into()), ErrorCode::InvalidArgument, "\"role\""),
        (refused(|r| r.text_template = "{".into()), ErrorCode::InvalidArgument, "brace"),
        (refused(|r| r.metadata_columns.push("year".into())), ErrorCode::InvalidArgument, "\"years\""),
        (refused(|r| r.index = "../x".into()), ErrorCode::InvalidArgument, "../x"),
        (refused(|r| r.table = "people".into()), ErrorCode::InvalidArgument, "namespace.name"),
        (refused(|r| r.table = "hr.poeple".into()), ErrorCode::NotFound, "hr.poeple"),
    ] {
        let error = fixture.submit(request).await.unwrap_err();
        assert_eq!(error.code(), code, "{}", error.detail());
        assert!(error.detail().contains(said), "{}", error.detail());
    }
    assert_eq!(fixture.jobs.list().await.unwrap(), []);
}
