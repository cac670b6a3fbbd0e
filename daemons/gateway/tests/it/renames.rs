//! Legacy paths below which all is called as it is natively.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{get, post};
use futures::{StreamExt, stream};
use gateway::Config;
use serde_json::{Value, json};
use service::{Json, JsonText};
use tokio::sync::Notify;
use wire::DaemonName;
use wire::matrix::RetrieveRequest;
use wire::sql::SqlRequest;
use wire::vectors::IndexSearch;

use crate::support::Bench;

/// How long a test waits for what must not wait.
const PATIENCE: Duration = Duration::from_secs(10);

const ROWS: &str = r#"{"columns":[{"name":"n","type":"Int64"}],"rows":[[ 1 ]],"row_count":1}"#;
const HITS: &str = r#"{"results":[{"id":"a","distance":0.250,"metadata":{}}],"version":3}"#;
const FOUND: &str = r#"{"columns":["role"],"rows":[{"id":"a","distance":0.5,"values":{"role":"Welder"}}],"plan":{"strategy":"sql_first","matching_rows":1,"candidates":1,"table":"hr.people"}}"#;

/// A legacy path, the native one, what is asked, and what is answered.
type Case = (&'static str, &'static str, Value, &'static str);

fn cases() -> [Case; 3] {
    [
        ("/query", "/v1/sql", json!({"sql": "SELECT $1", "params": [1]}), ROWS),
        ("/vectors/search", "/v1/vectors/search", json!({"index": "w", "vector": [1.0], "k": 3}), HITS),
        (
            "/vectors/hybrid",
            "/v1/matrix/retrieve",
            json!({"query_text": "q", "corpus": "w", "where": "years >= 5", "k": 3}),
            FOUND,
        ),
    ]
}

/// The daemons behind them, which judge requests by their real types.
fn daemons() -> Vec<(DaemonName, Router)> {
    let sql = post(async |_: Json<SqlRequest>| JsonText(ROWS.into()));
    let search = post(async |_: Json<IndexSearch>| JsonText(HITS.into()));
    let retrieve = post(async |_: Json<RetrieveRequest>| JsonText(FOUND.into()));
    let storage = get(async |request: Request| request.uri().to_string());
    vec![
        (DaemonName::Queryd, Router::new().route("/sql", sql)),
        (DaemonName::Vectord, Router::new().route("/vectors/search", search)),
        (DaemonName::Matrixd, Router::new().route("/matrix/retrieve", retrieve)),
        (
            DaemonName::Storaged,
            Router::new().route("/storage", storage.clone()).route("/storage/{*key}", storage),
        ),
    ]
}

#[tokio::test]
async fn answer_is_that_of_the_native_route_to_the_byte() {
    let bench = Bench::new(Config::default(), daemons()).await;
    for (legacy, native, body, expected) in cases() {
        for path in [legacy, native] {
            let answer = bench.post(path, &body).await;
            assert_eq!((answer.status, answer.text.as_str()), (200, expected), "{path}");
        }
        let asked = bench.asked();
        let [.., first, second] = &asked[..] else { panic!("two calls") };
        assert_eq!(first.path, second.path, "{legacy}");
    }
}

#[tokio::test]
async fn unknown_field_and_wrong_type_are_refused_as_on_the_native_route() {
    let bench = Bench::new(Config::default(), daemons()).await;
    for (legacy, native, body, _) in cases() {
        let known = body.as_object().unwrap().keys().next().unwrap().clone();
        let (mut unknown, mut wrong) = (body.clone(), body);
        unknown["top_k"] = json!(3);
        wrong[&known] = json!({"not": "this"});
        for (body, named) in
            [(unknown, ["`top_k`", known.as_str()]), (wrong, [known.as_str(), "invalid type"])]
        {
            let answer = bench.post(legacy, &body).await;
            let detail = answer.problem(400);
            assert!(named.iter().all(|name| detail.contains(name)), "{legacy}: {detail}");
            assert_eq!(answer.text, bench.post(native, &body).await.text);
        }
    }
}

#[tokio::test]
async fn keys_and_queries_reach_storaged_untouched() {
    let bench = Bench::new(Config::default(), daemons()).await;
    for path in ["/storage?prefix=a%20/&limit=3", "/storage/a%2Fb/%C3%BC?x=%20", "/storage"] {
        let answer = bench.get(path).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, path));
        assert_eq!(bench.get(&format!("/v1{path}")).await.text, path);
    }
}

/// Speaks of the second half of a body only once the first half has arrived at the other end.
#[derive(Clone, Default)]
struct Halves(Arc<Notify>);

impl Halves {
    /// A body whose second half follows when the first has been seen.
    fn body(&self) -> Body {
        let seen = Arc::clone(&self.0);
        let second = async move {
            seen.notified().await;
            "second"
        };
        let halves = stream::iter(["first "]).chain(stream::once(second));
        Body::from_stream(halves.map(|half| Ok::<_, std::io::Error>(Bytes::from_static(half.as_bytes()))))
    }

    /// Reads such a body.
    async fn read(&self, body: Body) -> String {
        let mut pieces = body.into_data_stream();
        let mut text = String::new();
        while let Some(piece) = pieces.next().await {
            text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
            self.0.notify_one();
        }
        text
    }
}

#[tokio::test]
async fn objects_are_streamed_in_both_directions() {
    let (up, down) = (Halves::default(), Halves::default());
    let (server_up, server_down) = (up.clone(), down.clone());
    let put = async move |request: Request| server_up.read(request.into_body()).await;
    let object = async move || Response::new(server_down.body());
    let storaged = Router::new().route("/storage/{*key}", get(object).put(put));
    let bench = Bench::new(Config::default(), vec![(DaemonName::Storaged, storaged)]).await;
    let both = async {
        let upload = Request::put("/storage/k").body(up.body()).unwrap();
        let stored = to_bytes(bench.send(upload).await.into_body(), 100).await.unwrap();
        let download = bench.send(Request::get("/storage/k").body(Body::empty()).unwrap()).await;
        (stored, down.read(download.into_body()).await)
    };
    let both = tokio::time::timeout(PATIENCE, both).await;
    let (stored, loaded) = both.expect("nothing waits for the whole of a body");
    assert_eq!((stored, loaded.as_str()), (Bytes::from("first second"), "first second"));
}

#[tokio::test]
async fn legacy_paths_can_be_turned_off_and_the_native_ones_stay() {
    let config = Config { legacy: false, ..Config::default() };
    let bench = Bench::new(config, daemons()).await;
    for (legacy, native, body, expected) in cases() {
        bench.post(legacy, &body).await.problem(404);
        assert_eq!(bench.post(native, &body).await.text, expected);
    }
    bench.post("/ai/embed", &json!({"texts": ["a"]})).await.problem(404);
    bench.get("/storage/k").await.problem(404);
    bench.get("/storage?prefix=a").await.problem(404);
    assert_eq!(bench.get("/v1/storage/k").await.status, 200);
    assert!(bench.get("/openapi.json").await.json()["paths"].get("/ai/embed").is_none());
}
