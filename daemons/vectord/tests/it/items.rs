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
