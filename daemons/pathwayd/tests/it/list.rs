use axum::http::StatusCode;
use serde_json::json;

use crate::{Daemon, goals};

#[tokio::test]
async fn pages_follow_the_order_of_creation_and_a_reader_of_next_misses_none() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    for i in 0..5 {
        daemon.add(json!({"goal": format!("goal {i}")})).await;
    }
    let (_, page) = daemon.get("/pathways?limit=2").await;
    assert_eq!(goals(&page["pathways"]), ["goal 0", "goal 1"]);
    daemon.add(json!({"goal": "goal 5"})).await;
    let mut seen = Vec::new();
    let mut next = page["next"].as_str().map(str::to_owned);
    while let Some(after) = next {
        let (_, page) = daemon.get(&format!("/pathways?limit=2&after={after}")).await;
        seen.extend(goals(&page["pathways"]).into_iter().map(str::to_owned));
        next = page["next"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, ["goal 2", "goal 3", "goal 4", "goal 5"]);
}

#[tokio::test]
async fn list_filters_by_tag_and_by_role_folded() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    daemon.add(json!({"goal": "a", "role": " Forklift Operator ", "tags": ["fill", "fill"]})).await;
    daemon.add(json!({"goal": "b", "role": "CNC Operator", "tags": ["fill", "a&b"]})).await;
    daemon.add(json!({"goal": "c"})).await;
    let cases = [
        ("tag=fill", vec!["a", "b"]),
        ("tag=a%26b", vec!["b"]),
        ("role=forklift%20OPERATOR", vec!["a"]),
        ("role=CNC%20Operator&tag=fill", vec!["b"]),
        ("tag=none", vec![]),
    ];
    for (query, expected) in cases {
        let (_, page) = daemon.get(&format!("/pathways?{query}")).await;
        assert_eq!(goals(&page["pathways"]), expected, "{query}");
    }
}

#[tokio::test]
async fn page_of_large_pathways_is_cut_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    for i in 0..40 {
        daemon.add(json!({"goal": format!("goal {i}"), "result": "x".repeat(250_000)})).await;
    }
    let (_, page) = daemon.get("/pathways?limit=1000").await;
    let first = page["pathways"].as_array().unwrap().len();
    assert!((30..40).contains(&first), "{first}");
    let (_, rest) =
        daemon.get(&format!("/pathways?limit=1000&after={}", page["next"].as_str().unwrap())).await;
    assert_eq!(first + rest["pathways"].as_array().unwrap().len(), 40);
}

#[tokio::test]
async fn hostile_list_parameters_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let unknown = "after=01890a5d-ac96-774b-bcce-b302099a8057";
    for query in ["limit=0", "limit=1001", "limit=-1", "after=x", "offset=3", unknown] {
        assert_eq!(daemon.get(&format!("/pathways?{query}")).await.0, StatusCode::BAD_REQUEST, "{query}");
    }
}
