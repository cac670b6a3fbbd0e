use serde_json::{Value, json};
use wire::packed::pack;

use crate::{Daemon, assert_problem};

async fn with_workers() -> Daemon {
    let daemon = Daemon::with_index().await;
    let items = json!({"items": [
        {"id": "east", "vector": [1.0, 0.0], "metadata": {"state": "TX", "years": 5}},
        {"id": "north", "vector": [0.0, 1.0], "metadata": {"state": "OK", "years": 9}},
        {"id": "west", "vector": [-1.0, 0.0], "metadata": {"state": "TX", "years": 1}},
    ]});
    assert_eq!(daemon.post("/vectors/index/t/add", items).await.0, 200);
    daemon
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn search_answers_nearest_first_with_distance_metadata_and_version() {
    let daemon = with_workers().await;
    let search = json!({"vector": [2.0, 0.0], "k": 2});
    let (status, answer) = daemon.post("/vectors/index/t/search", search).await;
    assert_eq!(status, 200);
    assert_eq!(
        answer,
        json!({"version": 1, "results": [
            {"id": "east", "distance": 0.0, "metadata": {"state": "TX", "years": 5}},
            {"id": "north", "distance": 1.0, "metadata": {"state": "OK", "years": 9}},
        ]})
    );
}

#[tokio::test]
async fn filter_and_exclusions_hold_in_both_shapes_of_search() {
    let daemon = with_workers().await;
    let search =
        json!({"vector_b64": pack(&[1.0, 0.0]), "k": 9, "filter": {"state": "TX"}, "exclude_ids": ["east"]});
    let (_, answer) = daemon.post("/vectors/index/t/search", search.clone()).await;
    assert_eq!(ids(&answer), ["west"]);
    let mut named = search;
    named["index"] = json!("t");
    assert_eq!(daemon.post("/vectors/search", named).await.1, answer);
}

#[tokio::test]
async fn several_searches_are_answered_in_order_and_fail_alone() {
    let daemon = with_workers().await;
    let searches = json!({"searches": [
        {"index": "t", "vector": [0.0, 1.0], "k": 1},
        {"index": "playbook_memory", "vector": [0.0, 1.0], "k": 1},
        {"index": "t", "vector": [0.0, 1.0], "k": 0},
        {"index": "t", "vector": [-1.0, 0.0], "k": 1},
    ]});
    let (status, body) = daemon.post("/vectors/search", searches).await;
    assert_eq!(status, 200);
    let answers = body["answers"].as_array().unwrap();
    assert_eq!((ids(&answers[0]), ids(&answers[3])), (vec!["north"], vec!["west"]));
    assert_eq!(answers[1]["error"]["code"], "not_found");
    assert_eq!(answers[2]["error"]["code"], "invalid_argument");
}

/// `t` and an index of recordings that name its items, as text, as a number, or not at all.
async fn with_recordings() -> Daemon {
    let daemon = with_workers().await;
    let index = json!({"name": "recordings", "dimension": 2});
    assert_eq!(daemon.post("/vectors/index", index).await.0, 201);
    let metadata = [
        json!({"answer": "west", "corpus": "t"}),
        json!({"answer": "north", "corpus": "t"}),
        json!({"answer": "west", "corpus": "t"}),
        json!({"answer": "east", "corpus": "another"}),
        json!({"answer": "gone", "corpus": "t"}),
        json!({"answer": 7, "corpus": "t"}),
        json!({"corpus": "t"}),
    ];
    let item = |(n, metadata): (usize, &Value)| json!({"id": n.to_string(), "vector": [1.0, 0.0], "metadata": metadata});
    let items: Vec<Value> = metadata.iter().enumerate().map(item).collect();
    assert_eq!(daemon.post("/vectors/index/recordings/add", json!({"items": items})).await.0, 200);
    daemon
}

#[tokio::test]
async fn search_follows_an_earlier_one_to_the_items_that_its_hits_name() {
    let daemon = with_recordings().await;
    let ids_from = json!({"search": 0, "key": "answer", "filter": {"corpus": "t"}});
    let follow = |change: Value| {
        let mut search = json!({"index": "t", "vector": [0.0, 1.0], "k": 9, "ids_from": ids_from});
        search.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        search
    };
    let searches = json!({"searches": [
        {"index": "recordings", "vector": [1.0, 0.0], "k": 9},
        follow(json!({})),
        follow(json!({"exclude_ids": ["north"]})),
        follow(json!({"filter": {"state": "OK"}})),
        follow(json!({"k": 1})),
        follow(json!({"ids_from": {"search": 0, "key": "answer"}})),
        follow(json!({"ids_from": {"search": 0, "key": "nothing"}})),
    ]});
    let (status, body) = daemon.post("/vectors/search", searches).await;
    assert_eq!(status, 200, "{body}");
    let found: Vec<Vec<&str>> = body["answers"].as_array().unwrap()[1..].iter().map(ids).collect();
    let expected: [&[&str]; 6] =
        [&["north", "west"], &["west"], &["north"], &["north"], &["north", "east", "west"], &[]];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn of_results_about_one_thing_the_best_is_returned_followed_and_counted() {
    let daemon = with_recordings().await;
    let recording = |id: &str, x: f32, answer: &str, score: f64| json!({"id": id, "vector": [x, 1.0], "metadata": {"answer": answer, "score": score}});
    let items = json!({"items": [
        recording("a", 1.0, "east", 0.5),
        recording("b", 0.9, "east", 1.0),
        recording("c", 0.8, "west", 0.7),
        recording("d", 0.7, "east", 0.9),
    ]});
    let index = json!({"name": "scored", "dimension": 2});
    assert_eq!(daemon.post("/vectors/index", index).await.0, 201);
    assert_eq!(daemon.post("/vectors/index/scored/add", items).await.0, 200);
    let collapse = json!({"keys": ["answer"], "keep": "score"});
    let search = json!({"index": "scored", "vector": [1.0, 1.0], "k": 3, "collapse": collapse});
    let follow =
        json!({"index": "t", "vector": [1.0, 0.0], "k": 9, "ids_from": {"search": 0, "key": "answer"}});
    let (status, body) = daemon.post("/vectors/search", json!({"searches": [search.clone(), follow]})).await;
    assert_eq!(status, 200, "{body}");
    let answers = &body["answers"];
    assert_eq!((ids(&answers[0]), ids(&answers[1])), (vec!["b", "c"], vec!["east", "west"]));
    assert_eq!(
        (&answers[0]["searched"]["collapsed"], &answers[1]["searched"]["collapsed"]),
        (&json!(1), &Value::Null)
    );
    let (_, alone) = daemon.post("/vectors/search", search).await;
    assert_eq!(ids(&alone), ["b", "c"]);
}

#[tokio::test]
async fn what_failed_names_nothing_and_a_reference_that_is_none_fails_alone() {
    let daemon = with_recordings().await;
    let from = |place: usize| {
        json!({"index": "t", "vector": [0.0, 1.0], "k": 9,
                                     "ids_from": {"search": place, "key": "answer"}})
    };
    let mut both = from(0);
    both["ids"] = json!(["east"]);
    let searches = json!({"searches": [
        {"index": "playbook_memory", "vector": [1.0, 0.0], "k": 9},
        from(0),
        from(2),
        from(9),
        both,
    ]});
    let (status, body) = daemon.post("/vectors/search", searches).await;
    assert_eq!(status, 200, "{body}");
    let answers = body["answers"].as_array().unwrap();
    assert_eq!((ids(&answers[1]), &answers[1]["version"]), (vec![], &json!(1)));
    for (answer, expected) in answers[2..].iter().zip(["search 2", "search 9", "not both"]) {
        assert_eq!(answer["error"]["code"], "invalid_argument");
        assert!(answer["error"]["detail"].as_str().unwrap().contains(expected), "{answer}");
    }
    let alone = daemon.post("/vectors/search", from(0)).await;
    assert_problem(alone, 400, "invalid_argument", "ids_from refers to an earlier search");
}

#[tokio::test]
async fn malformed_search_is_told_what_was_expected() {
    let daemon = with_workers().await;
    for (search, expected) in [
        (json!({"vector": [1.0, 0.0], "k": 0}), "k must be 1 to 10000"),
        (json!({"vector": [1.0, 0.0], "k": 10_001}), "k must be 1 to 10000"),
        (json!({"vector": [1.0, 0.0]}), "missing field `k`"),
        (json!({"vector": [1.0], "k": 1}), "2 numbers, this one has 1"),
        (json!({"vector": [0.0, 0.0], "k": 1}), "zeros"),
        (json!({"k": 1}), "give vector or vector_b64"),
        (json!({"vector": [1.0, 0.0], "k": 1, "ef": 0}), "ef must be 1 to 10000"),
        (json!({"vector": [1.0, 0.0], "k": 1, "filter": {"a": {"near": 1}}}), "filter at a.near"),
        (json!({"vector": [1.0, 0.0], "k": 1, "collapse": {"keys": [], "keep": "score"}}), "1 to 8, not 0"),
        (json!({"vector": [1.0, 0.0], "k": 1, "collapse": {"keys": ["a"]}}), "missing field `keep`"),
        (json!({"vector": [1.0, 0.0], "k": 1, "top": 1}), "top"),
        (json!({"vector": [1.0, "x"], "k": 1}), "vector[1]"),
        (json!({"vector": [1.0, 1e39], "k": 1}), "vector[1]: number out of range"),
    ] {
        let mut named = search.clone();
        named["index"] = json!("t");
        for (path, body) in [("/vectors/index/t/search", search), ("/vectors/search", named)] {
            assert_problem(daemon.post(path, body).await, 400, "invalid_argument", expected);
        }
    }
    let (good, bad) = (json!({"index": "t", "vector": [1.0, 0.0], "k": 1}), json!({"index": "t", "k": "1"}));
    let answer = daemon.post("/vectors/search", json!({"searches": [good, bad]})).await;
    assert_problem(answer, 400, "invalid_argument", "searches[1].k");
    let many: Vec<_> = (0..101).map(|_| json!({"index": "t", "vector": [1.0, 0.0], "k": 1})).collect();
    let answer = daemon.post("/vectors/search", json!({"searches": many})).await;
    assert_problem(answer, 400, "invalid_argument", "at most 100");
    let unknown = json!({"index": "nobody", "vector": [1.0], "k": 1});
    assert_problem(daemon.post("/vectors/search", unknown).await, 404, "not_found", "nobody");
}
