use serde_json::json;

use crate::{Daemon, assert_problem};

#[tokio::test]
async fn create_answers_201_then_200_then_409() {
    let daemon = Daemon::start().await;
    let workers = json!({"name": "workers", "dimension": 3, "distance": "euclidean"});
    let (status, info) = daemon.post("/vectors/index", workers.clone()).await;
    assert_eq!(status, 201);
    assert_eq!(info["name"], "workers");
    assert_eq!((info["dimension"].as_u64(), info["distance"].as_str()), (Some(3), Some("euclidean")));
    assert_eq!((info["count"].as_u64(), info["status"].as_str()), (Some(0), Some("ready")));
    assert_eq!(daemon.post("/vectors/index", workers).await.0, 200);
    let other = json!({"name": "workers", "dimension": 4, "distance": "euclidean"});
    assert_problem(daemon.post("/vectors/index", other).await, 409, "already_exists", "dimension 3");
}

#[tokio::test]
async fn create_refuses_what_it_cannot_keep() {
    let daemon = Daemon::start().await;
    for (body, expected) in [
        (json!({"name": "../x", "dimension": 3}), "begins with a letter"),
        (json!({"name": "x", "dimension": 0}), "dimension must be 1 to 16384"),
        (json!({"name": "x", "dimension": 3, "distance": "hamming"}), "hamming"),
        (json!({"name": "x", "dimension": 3, "metric": "dot"}), "metric"),
    ] {
        assert_problem(daemon.post("/vectors/index", body).await, 400, "invalid_argument", expected);
    }
    assert_eq!(daemon.get("/vectors/index").await.1, json!({"indexes": []}));
}

#[tokio::test]
async fn dropped_index_is_gone_and_can_be_created_anew() {
    let daemon = Daemon::with_index().await;
    assert_eq!(daemon.get("/vectors/index").await.1["indexes"][0]["name"], "t");
    assert_eq!(daemon.delete("/vectors/index/t").await, 204);
    assert_eq!(daemon.delete("/vectors/index/t").await, 404);
    assert_problem(daemon.get("/vectors/index/t").await, 404, "not_found", "\"t\"");
    assert_eq!(daemon.post("/vectors/index", json!({"name": "t", "dimension": 5})).await.0, 201);
}

#[tokio::test]
async fn every_path_is_in_the_interface_description() {
    let daemon = Daemon::start().await;
    let (status, openapi) = daemon.get("/openapi.json").await;
    assert_eq!(status, 200);
    for path in [
        "/vectors/index",
        "/vectors/index/{name}",
        "/vectors/index/{name}/add",
        "/vectors/index/{name}/delete",
        "/vectors/index/{name}/items/{id}",
        "/vectors/index/{name}/search",
        "/vectors/search",
        "/vectors/versions",
    ] {
        assert!(openapi["paths"][path].is_object(), "{path} is not described");
    }
}
