//! `POST /ai/embed` beside `POST /v1/embed`.

use axum::Router;
use axum::http::Method;
use axum::routing::post;
use gateway::Config;
use serde_json::json;
use service::{ApiError, Json, JsonText};
use wire::DaemonName;
use wire::embed::EmbedRequest;

use crate::support::{Bench, hangs_up_after};

/// Numbers that no program would write so twice: only who does not read them passes them on like this.
const ANSWER: &str =
    r#"{"vectors":[[0.60,8e-1],[1.0, 0.00]],"dimension":2,"model":"m","truncated":[{"index":0,"read":256}]}"#;

/// embedd, which judges requests by their real type.
async fn embed(Json(request): Json<EmbedRequest>) -> Result<JsonText, ApiError> {
    match request.model.as_deref() {
        None | Some("m") => Ok(JsonText(ANSWER.into())),
        Some("huge") => Ok(JsonText(vec![b' '; (64 << 20) + 1])),
        Some("odd") => Ok(JsonText(b"{\"nonsense\":1}".to_vec())),
        Some(other) => Err(ApiError::not_found(format!("no model is named {other:?}"))),
    }
}

fn routes() -> Router {
    Router::new().route("/embed", post(embed))
}

async fn bench() -> Bench {
    Bench::new(Config::default(), vec![(DaemonName::Embedd, routes())]).await
}

#[tokio::test]
async fn answer_has_the_legacy_names_and_the_very_numbers_of_the_native_one() {
    let bench = bench().await;
    let body = json!({"texts": ["a", "b"], "model": "m"});
    let (native, legacy) = (bench.post("/v1/embed", &body).await, bench.post("/ai/embed", &body).await);
    assert_eq!((native.status, native.text.as_str()), (200, ANSWER));
    assert_eq!(legacy.status, 200, "{legacy:?}");
    let renamed = ANSWER.replace("vectors", "embeddings").replace("dimension", "dimensions");
    assert_eq!(legacy.text, renamed);
    assert_eq!(legacy.headers["content-type"], native.headers["content-type"]);
    let paths: Vec<String> = bench.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["POST /embed", "POST /embed"]);
}

#[tokio::test]
async fn field_that_is_unknown_or_missing_is_refused_before_embedd_is_asked() {
    let bench = bench().await;
    for (body, what) in [
        (json!({"texts": ["a"], "kind": "query"}), "unknown field `kind`"),
        (json!({"texts": ["a"], "input": "a", "prompt": "b"}), "unknown field `input`, `prompt`"),
        (json!({}), "missing field `texts`"),
    ] {
        let detail = bench.post("/ai/embed", &body).await.problem(400);
        assert!(detail.contains(what) && detail.contains("takes `texts`, `model`"), "{detail}");
    }
    for (body, what) in [("[]", "an array"), ("7", "a JSON object"), ("{", "not JSON"), ("", "not JSON")] {
        let detail = bench.call(Method::POST, "/ai/embed", &[], body).await.problem(400);
        assert!(detail.contains(what), "{body}: {detail}");
    }
    assert!(bench.asked().is_empty());
}

#[tokio::test]
async fn refusal_of_embedd_passes_through_as_it_is() {
    let bench = bench().await;
    for (body, status, what) in [
        (json!({"texts": "a"}), 400, "texts"),
        (json!({"texts": ["a"], "model": 7}), 400, "model"),
        (json!({"texts": ["a"], "model": "nobody's"}), 404, "nobody's"),
    ] {
        let legacy = bench.post("/ai/embed", &body).await;
        let detail = legacy.problem(status);
        assert!(detail.contains(what), "{detail}");
        assert_eq!(legacy.text, bench.post("/v1/embed", &body).await.text);
    }
}

#[tokio::test]
async fn call_travels_as_a_native_one_does() {
    let bench = bench().await;
    let headers = [
        ("x-request-id", "order-66"),
        ("authorization", "Bearer t"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("x-deadline-ms", "5000"),
        ("accept-encoding", "gzip"),
        ("connection", "x-private"),
        ("x-private", "1"),
        ("x-own", "2"),
    ];
    let body = r#" { "texts" : [ "a" ] } "#;
    for path in ["/v1/embed", "/ai/embed"] {
        let answer = bench.call(Method::POST, path, &headers, body).await;
        assert_eq!((answer.status, &answer.headers["x-request-id"]), (200, &"order-66".parse().unwrap()));
    }
    let [native, legacy] = &bench.asked()[..] else { panic!("two calls") };
    // Of its own: the length of what is sent, the gateway's place, the span, what is left of the time.
    let own =
        ["content-length", "x-forwarded-prefix", "traceparent", "x-deadline-ms", "host", "accept-encoding"];
    for name in own {
        assert!(name == "accept-encoding" || legacy.headers.contains_key(name), "{name}: {legacy:?}");
    }
    let shared = |headers: &axum::http::HeaderMap| {
        let mut headers = headers.clone();
        own.iter().for_each(|name| drop(headers.remove(*name)));
        headers
    };
    assert_eq!(shared(&legacy.headers), shared(&native.headers));
    assert_eq!(legacy.headers["content-length"], r#"{"texts":[ "a" ]}"#.len().to_string());
    assert!(!legacy.headers.contains_key("accept-encoding"), "the answer has to be read");
}

#[tokio::test]
async fn bodies_are_bounded_on_the_way_in_and_out() {
    let bench = bench().await;
    let large = json!({"texts": ["x".repeat(17 << 20)]});
    assert!(bench.post("/ai/embed", &large).await.problem(413).contains("service.max_body_bytes"));
    assert!(bench.asked().is_empty());
    let detail = bench.post("/ai/embed", &json!({"texts": ["a"], "model": "huge"})).await.problem(422);
    assert!(detail.contains("ask for less"), "{detail}");
}

#[tokio::test]
async fn answer_that_is_none_of_embedds_is_not_passed_off_as_one() {
    let answer = bench().await.post("/ai/embed", &json!({"texts": ["a"], "model": "odd"})).await;
    let detail = answer.problem(500);
    assert!(!detail.contains("nonsense"), "{detail}");
}

#[tokio::test]
async fn embedd_that_is_missing_or_breaks_off_is_named() {
    let broken = hangs_up_after("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{").await;
    for (urls, what) in [(vec![], "does not answer"), (vec![(DaemonName::Embedd, broken)], "broke off")] {
        let bench = Bench::at(Config::default(), urls).await;
        let answer = bench.post("/ai/embed", &json!({"texts": ["a"]})).await;
        let detail = answer.problem(503);
        assert!(detail.contains("embedd") && detail.contains(what), "{detail}");
        assert!(answer.headers.contains_key("retry-after"));
    }
}

#[tokio::test]
async fn call_goes_to_the_next_replica_when_one_breaks_off() {
    let whole = "HTTP/1.1 200 OK\r\ncontent-length: 54\r\nconnection: close\r\n\r\n\
                 {\"vectors\":[[1.0,0.0]],\"dimension\":2,\"model\":\"second\"}";
    let (first, second) = (hangs_up_after("").await, hangs_up_after(whole).await);
    let bench = Bench::at(Config::default(), vec![(DaemonName::Embedd, format!("{first},{second}"))]).await;
    for _ in 0..2 {
        let answer = bench.post("/ai/embed", &json!({"texts": ["a"]})).await;
        assert_eq!((answer.status, &answer.json()["model"]), (200, &json!("second")), "{answer:?}");
    }
}

#[tokio::test]
async fn interface_description_has_the_path_with_its_own_names() {
    let document = bench().await.get("/openapi.json").await.json();
    let operation = &document["paths"]["/ai/embed"]["post"];
    assert_eq!(
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/LegacyEmbedRequest"
    );
    let answer = &document["components"]["schemas"]["LegacyEmbedResponse"]["properties"];
    assert!(answer["embeddings"].is_object() && answer["dimensions"].is_object(), "{document}");
}
