//! `POST /embed` and its two other shapes.

use embedd::Config;
use serde_json::{Value, json};
use wire::packed::unpack;

use crate::Daemon;

fn floats(vector: &Value) -> Vec<f32> {
    serde_json::from_value(vector.clone()).unwrap()
}

#[tokio::test]
async fn three_shapes_give_the_same_unit_vector() {
    let daemon = Daemon::ready(Config::default()).await;
    let (status, ours) = daemon.post("/embed", json!({"texts": ["forklift operator", ""]}).to_string()).await;
    assert_eq!((status, &ours["dimension"], &ours["model"]), (200, &json!(384), &json!("all-MiniLM-L6-v2")));
    let expected = floats(&ours["vectors"][0]);
    let norm: f32 = expected.iter().map(|x| x * x).sum();
    assert!((norm - 1.0).abs() < 1e-5);
    assert_eq!(ours["vectors"].as_array().unwrap().len(), 2);

    let packed = json!({"texts": ["forklift operator"], "encoding": "base64", "kind": "query"}).to_string();
    let (_, packed) = daemon.post("/embed", packed).await;
    assert_eq!(unpack(packed["vectors_b64"][0].as_str().unwrap()).unwrap(), expected);
    assert!(packed.get("vectors").is_none());

    let request = json!({"model": "all-MiniLM-L6-v2", "input": "forklift operator", "user": "u"}).to_string();
    let (_, openai) = daemon.post("/v1/embeddings", request.clone()).await;
    assert_eq!((&openai["object"], &openai["data"][0]["index"]), (&json!("list"), &json!(0)));
    assert_eq!(floats(&openai["data"][0]["embedding"]), expected);

    let (_, ollama) = daemon.post("/api/embed", request).await;
    assert_eq!(floats(&ollama["embeddings"][0]), expected);
}

#[tokio::test]
async fn request_outside_the_bounds_is_refused_with_the_bound() {
    let config = Config { max_texts: 3, max_text_bytes: 10, ..Config::default() };
    let daemon = Daemon::ready(config).await;
    let cases = [
        (json!({"texts": []}), "empty"),
        (json!({"texts": ["a", "b", "c", "d"]}), "at most 3"),
        (json!({"texts": ["a", "12345678901"]}), "text 1 (counted from 0) has 11 bytes"),
        (json!({"texts": "a"}), "sequence"),
        (json!({"text": ["a"]}), "unknown field"),
        (json!({"texts": ["a"], "kind": "poem"}), "poem"),
    ];
    for (request, reason) in cases {
        let (status, problem) = daemon.post("/embed", request.to_string()).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_argument")), "{request}");
        assert!(problem["detail"].as_str().unwrap().contains(reason), "{request}: {problem}");
    }
    let (status, _) = daemon.post("/embed", json!({"texts": ["a", "b", "1234567890"]}).to_string()).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn unknown_model_is_404_and_lists_the_known_ones() {
    let daemon = Daemon::ready(Config::default()).await;
    let (status, problem) = daemon.post("/embed", json!({"texts": ["a"], "model": "x"}).to_string()).await;
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")));
    assert!(problem["detail"].as_str().unwrap().contains("all-MiniLM-L6-v2"), "{problem}");
}

#[tokio::test]
async fn more_texts_than_may_wait_are_429() {
    let daemon = Daemon::ready(Config { queue_texts: 2, ..Config::default() }).await;
    let (status, problem) = daemon.post("/embed", json!({"texts": ["a", "b", "c"]}).to_string()).await;
    assert_eq!((status, &problem["code"]), (429, &json!("overloaded")), "{problem}");
}

#[tokio::test]
async fn dimension_that_the_model_does_not_have_is_refused() {
    let daemon = Daemon::ready(Config::default()).await;
    let request = json!({"model": "all-MiniLM-L6-v2", "input": ["a"], "dimensions": 256}).to_string();
    let (status, problem) = daemon.post("/v1/embeddings", request).await;
    assert_eq!(status, 400, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("384"), "{problem}");
}

#[tokio::test]
async fn openapi_document_names_the_three_paths() {
    let daemon = Daemon::start(Config::default()).await;
    let (_, document) = daemon.get("/openapi.json").await;
    for path in ["/embed", "/v1/embeddings", "/api/embed"] {
        assert!(document["paths"].get(path).is_some(), "{path} is not in the document");
    }
}
