//! `POST /embed` and its two other shapes.

use axum::body::Body;
use axum::http::Request;
use embedd::Config;
use serde_json::{Value, json};
use tower::ServiceExt;
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
async fn openai_shape_takes_texts_and_tokens_one_or_several_in_both_encodings() {
    let daemon = Daemon::ready(Config::default()).await;
    let cases = [
        (json!("hello world"), 1, 4),
        (json!(["hello world", "hello world", ""]), 3, 10),
        (json!([7592, 2088]), 1, 4),
        (json!([[7592, 2088], [101, 7592, 2088, 102]]), 2, 8),
    ];
    let mut first: Option<Vec<f32>> = None;
    for (input, count, tokens) in cases {
        for format in [json!("float"), json!("base64"), Value::Null] {
            let request = json!({
                "model": "all-MiniLM-L6-v2", "input": input, "encoding_format": format, "user": "u-1", "dimensions": null
            });
            let (status, answer) = daemon.post("/v1/embeddings", request.to_string()).await;
            assert_eq!(status, 200, "{request}: {answer}");
            assert_eq!(answer["data"].as_array().unwrap().len(), count, "{request}");
            assert_eq!(
                answer["usage"],
                json!({"prompt_tokens": tokens, "total_tokens": tokens}),
                "{request}"
            );
            let vector = &answer["data"][0]["embedding"];
            let vector = vector.as_str().map_or_else(|| floats(vector), |packed| unpack(packed).unwrap());
            let first = first.get_or_insert(vector.clone());
            let cosine: f32 = vector.iter().zip(first.iter()).map(|(a, b)| a * b).sum();
            assert!(cosine > 0.99999, "{request}");
        }
    }
}

#[tokio::test]
async fn dimensions_cut_vectors_to_unit_length_in_both_foreign_shapes() {
    let daemon = Daemon::ready(Config::default()).await;
    let request = json!({"model": "all-MiniLM-L6-v2", "input": ["a"], "dimensions": 256}).to_string();
    let (_, openai) = daemon.post("/v1/embeddings", request.clone()).await;
    let (_, ollama) = daemon.post("/api/embed", request).await;
    for vector in [&openai["data"][0]["embedding"], &ollama["embeddings"][0]] {
        let vector = floats(vector);
        let norm: f32 = vector.iter().map(|x| x * x).sum();
        assert!(vector.len() == 256 && (norm - 1.0).abs() < 1e-5, "{} {norm}", vector.len());
    }
}

#[tokio::test]
async fn text_that_is_cut_off_is_reported_in_every_shape() {
    let daemon = Daemon::ready(Config::default()).await;
    let texts = json!(["short", "work ".repeat(300)]);
    let expected = json!([{"index": 1, "read": 256, "tokens": 302}]);
    let (_, ours) = daemon.post("/embed", json!({"texts": texts}).to_string()).await;
    let request = json!({"model": "all-MiniLM-L6-v2", "input": texts}).to_string();
    let (_, openai) = daemon.post("/v1/embeddings", request.clone()).await;
    let (_, ollama) = daemon.post("/api/embed", request).await;
    for answer in [&ours, &openai, &ollama] {
        assert_eq!(answer["truncated"], expected);
    }
    let short = json!({"texts": ["short"]}).to_string();
    assert!(daemon.post("/embed", short).await.1.get("truncated").is_none());
}

#[tokio::test]
async fn ollama_shape_counts_tokens_and_time_tolerates_options_and_refuses_to_cut_where_told() {
    let daemon = Daemon::ready(Config::default()).await;
    let request = |input: Value, truncate: bool| {
        json!({
            "model": "all-MiniLM-L6-v2", "input": input, "truncate": truncate,
            "options": {"num_ctx": 2048, "temperature": 0.1}, "keep_alive": "5m"
        })
    };
    let (status, answer) = daemon.post("/api/embed", request(json!("hello world"), false).to_string()).await;
    assert_eq!((status, &answer["prompt_eval_count"], &answer["load_duration"]), (200, &json!(4), &json!(0)));
    assert!(answer["total_duration"].as_u64().unwrap() > 0, "{answer}");
    let long = request(json!(["short", "work ".repeat(300)]), false).to_string();
    let (status, problem) = daemon.post("/api/embed", long).await;
    assert_eq!((status, &problem["code"]), (400, &json!("invalid_argument")));
    let detail = problem["detail"].as_str().unwrap();
    // The words that an embedd which asks this one looks for.
    assert!(detail.contains("exceeds the context length") && detail.contains("text 1 "), "{problem}");
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
async fn more_texts_than_may_wait_are_429_with_retry_after() {
    let daemon = Daemon::ready(Config { queue_texts: 2, ..Config::default() }).await;
    let body = json!({"texts": ["a", "b", "c"]}).to_string();
    let request =
        Request::post("/embed").header("content-type", "application/json").body(Body::from(body)).unwrap();
    let answer = daemon.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "1");
    let (_, problem) = daemon.post("/embed", json!({"texts": ["a", "b", "c"]}).to_string()).await;
    assert_eq!(problem["code"], json!("overloaded"), "{problem}");
}

#[tokio::test]
async fn dimension_that_the_model_does_not_have_is_refused() {
    let daemon = Daemon::ready(Config::default()).await;
    for dimensions in [0, 385] {
        let request =
            json!({"model": "all-MiniLM-L6-v2", "input": ["a"], "dimensions": dimensions}).to_string();
        let (status, problem) = daemon.post("/v1/embeddings", request).await;
        assert_eq!(status, 400, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("1 to 384"), "{problem}");
    }
}

#[tokio::test]
async fn token_that_the_model_does_not_have_is_refused() {
    let daemon = Daemon::ready(Config::default()).await;
    let request = json!({"model": "all-MiniLM-L6-v2", "input": [[1, 99_999]]}).to_string();
    let (status, problem) = daemon.post("/v1/embeddings", request).await;
    assert_eq!(status, 400, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("99999"), "{problem}");
}

#[tokio::test]
async fn openapi_document_names_the_three_paths() {
    let daemon = Daemon::start(Config::default()).await;
    let (_, document) = daemon.get("/openapi.json").await;
    for path in ["/embed", "/v1/embeddings", "/api/embed"] {
        assert!(document["paths"].get(path).is_some(), "{path} is not in the document");
    }
}
