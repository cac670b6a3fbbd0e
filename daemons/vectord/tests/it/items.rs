use serde_json::json;
use wire::packed::pack;

use crate::{Daemon, assert_problem};

#[tokio::test]
async fn items_are_added_updated_read_and_deleted_and_outlive_a_restart() {
    let daemon = Daemon::with_index().await;
    let items = json!({"items": [
        {"id": "a/1 ü", "vector": [3.0, 4.0], "metadata": {"role": "Welder"}},
        {"id": "b", "vector_b64": pack(&[0.0, 2.0])},
    ]});
    let (status, added) = daemon.post("/vectors/index/t/add", items).await;
    assert_eq!((status, added), (200, json!({"added": 2, "updated": 0, "version": 1})));
    let again = json!({"items": [{"id": "b", "vector": [1.0, 0.0]}]});
    assert_eq!(daemon.post("/vectors/index/t/add", again).await.1["updated"], 1);

    let daemon = daemon.restart().await;
    let (status, item) = daemon.get("/vectors/index/t/items/a%2F1%20%C3%BC").await;
    assert_eq!(status, 200);
    assert_eq!(item, json!({"id": "a/1 ü", "vector": [0.6, 0.8], "metadata": {"role": "Welder"}}));
    let gone = daemon.post("/vectors/index/t/delete", json!({"ids": ["b", "nobody"]})).await;
    assert_eq!(gone, (200, json!({"deleted": 1, "version": 3})));
    assert_problem(daemon.get("/vectors/index/t/items/b").await, 404, "not_found", "no item \"b\"");
    assert_eq!(daemon.restart().await.get("/vectors/index/t").await.1["count"], 1);
}

#[tokio::test]
async fn item_with_a_time_to_live_says_when_it_goes_and_one_that_has_gone_is_not_found() {
    let daemon = Daemon::with_index().await;
    let items = json!({"items": [
        {"id": "stays", "vector": [1.0, 0.0]},
        {"id": "goes", "vector": [1.0, 0.1], "ttl_s": 1},
        {"id": "later", "vector": [1.0, 0.2], "ttl_s": 3600},
    ]});
    assert_eq!(daemon.post("/vectors/index/t/add", items).await.0, 200);
    assert_eq!(daemon.get("/vectors/index/t/items/stays").await.1.get("expires_at"), None);
    assert!(daemon.get("/vectors/index/t/items/later").await.1["expires_at"].is_string());
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while daemon.get("/vectors/index/t").await.1["count"] != 2 {
        assert!(std::time::Instant::now() < deadline, "it was not deleted within a minute");
        tokio::task::yield_now().await;
    }
    let search = json!({"vector": [1.0, 0.1], "k": 9});
    let hits = daemon.post("/vectors/index/t/search", search).await.1["results"].clone();
    let ids: Vec<&str> = hits.as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["later", "stays"]);
    let daemon = daemon.restart().await;
    assert_problem(daemon.get("/vectors/index/t/items/goes").await, 404, "not_found", "no item \"goes\"");
}

#[tokio::test]
async fn add_that_is_not_waited_for_names_the_version_in_which_it_is_seen() {
    let daemon = Daemon::with_index().await;
    let item = json!({"items": [{"id": "a", "vector": [1.0, 0.0]}]});
    let (status, answer) = daemon.post("/vectors/index/t/add?wait=false", item.clone()).await;
    assert_eq!((status, answer), (202, json!({"accepted": 1, "version": 1})));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while daemon.get("/vectors/index/t").await.1["version"] != 1 {
        assert!(std::time::Instant::now() < deadline, "it was not visible within a minute");
        tokio::task::yield_now().await;
    }
    assert_eq!(daemon.get("/vectors/index/t/items/a").await.0, 200);
    let unknown = daemon.post("/vectors/index/t/add?await=false", item).await;
    assert_problem(unknown, 400, "invalid_argument", "await");
}

#[tokio::test]
async fn one_bad_item_keeps_all_out_and_is_named() {
    let daemon = Daemon::with_index().await;
    let good = json!({"id": "good", "vector": [1.0, 0.0]});
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    for (bad, expected) in [
        (json!({"id": "x", "vector": [1.0]}), "items[1]: the index holds vectors of 2 numbers"),
        (json!({"id": "x", "vector": [0.0, 0.0]}), "zeros"),
        (json!({"id": "x", "vector": [1e39, 0.0]}), "number out of range"),
        (json!({"id": "x", "vector_b64": pack(&[f32::NAN, 0.0])}), "position 0 is NaN"),
        (json!({"id": "", "vector": [1.0, 0.0]}), "1 to 512 bytes"),
        (json!({"id": "x"}), "items[1]: a vector is missing"),
        (json!({"id": "x", "vector": [1.0, 0.0], "ttl_s": 0}), "items[1]: ttl_s is 1 to"),
        (json!({"id": "x", "vector": [1.0, 0.0], "vector_b64": ""}), "not both"),
        (json!({"id": "x", "vector_b64": "AAA"}), "base64"),
        (json!({"id": "x", "vector": [1.0, 0.0], "meta": {}}), "meta"),
        (json!({"id": "x", "vector": ["1", 0.0]}), "items[1].vector[0]"),
        (
            json!({"id": "x", "vector": [1.0, 0.0], "metadata": [1]}),
            "items[1].metadata: expected a JSON object",
        ),
        (
            json!({"id": "x", "vector": [1.0, 0.0], "metadata": {"a": deep}}),
            "items[1]: metadata: recursion limit",
        ),
    ] {
        let answer = daemon.post("/vectors/index/t/add", json!({"items": [good, bad]})).await;
        assert_problem(answer, 400, "invalid_argument", expected);
    }
    assert_eq!(daemon.get("/vectors/index/t").await.1["version"], 0);
}
