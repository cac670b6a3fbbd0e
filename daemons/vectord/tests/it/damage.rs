use serde_json::json;

use crate::{Daemon, assert_problem};

#[tokio::test]
async fn damaged_index_answers_503_alone_and_can_be_dropped() {
    let daemon = Daemon::with_index().await;
    daemon.post("/vectors/index", json!({"name": "fine", "dimension": 2})).await;
    let items = json!({"items": [{"id": "a", "vector": [1.0, 0.0]}]});
    for index in ["t", "fine"] {
        assert_eq!(daemon.post(&format!("/vectors/index/{index}/add"), items.clone()).await.0, 200);
    }
    for file in std::fs::read_dir(daemon.index_folder("t")).unwrap() {
        std::fs::write(file.unwrap().path(), b"not what was written").unwrap();
    }

    let daemon = daemon.restart().await;
    let (status, readiness) = daemon.get("/readyz").await;
    assert_eq!(status, 200, "the others serve");
    assert!(readiness["degraded"][0].as_str().unwrap().contains("index t is quarantined"), "{readiness}");
    let search = json!({"vector": [1.0, 0.0], "k": 1});
    let refused = daemon.post("/vectors/index/t/search", search.clone()).await;
    assert_problem(refused, 503, "data_corrupt", "DELETE it");
    assert_problem(daemon.post("/vectors/index/t/add", items.clone()).await, 503, "data_corrupt", "t");
    assert_eq!(daemon.post("/vectors/index/fine/search", search).await.1["results"][0]["id"], "a");
    assert_eq!(daemon.get("/vectors/index").await.1["quarantined"][0]["name"], "t");

    assert_eq!(daemon.delete("/vectors/index/t").await, 204);
    assert_eq!(daemon.get("/readyz").await.1["degraded"], json!([]));
    assert_eq!(daemon.post("/vectors/index", json!({"name": "t", "dimension": 2})).await.0, 201);
    assert_eq!(daemon.post("/vectors/index/t/add", items).await.0, 200);
}
