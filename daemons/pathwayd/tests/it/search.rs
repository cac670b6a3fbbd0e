use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::{Daemon, goals};

async fn search(daemon: &Daemon, search: Value) -> Value {
    let (status, found) = daemon.post("/pathways/search", &search).await;
    assert_eq!(status, StatusCode::OK, "{search}: {found}");
    found["results"].clone()
}

#[tokio::test]
async fn words_are_found_in_goal_tags_and_steps_and_the_goal_counts_most() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    daemon.add(json!({"goal": "second", "steps": [{"note": ["drive a Forklift"]}]})).await;
    daemon.add(json!({"goal": "forklift first"})).await;
    daemon.add(json!({"goal": "tagged", "tags": ["überführung"]})).await;
    for _ in 0..5 {
        daemon.add(json!({"goal": "something else"})).await;
    }
    let results = search(&daemon, json!({"query": "FORKLIFT operator"})).await;
    assert_eq!(goals(&results), ["forklift first", "second"]);
    assert!(results[0]["relevance"].as_f64() > results[1]["relevance"].as_f64());
    assert_eq!(goals(&search(&daemon, json!({"query": "uberfuhrung"})).await), ["tagged"]);
}

#[tokio::test]
async fn search_filters_by_role_and_tag_and_honours_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    daemon.add(json!({"goal": "fill a", "role": "Welder", "tags": ["x"]})).await;
    daemon.add(json!({"goal": "fill b", "role": "Welder", "tags": ["y"]})).await;
    daemon.add(json!({"goal": "fill c", "tags": ["x"]})).await;
    assert_eq!(
        goals(&search(&daemon, json!({"query": "fill", "role": "welder"})).await),
        ["fill a", "fill b"]
    );
    assert_eq!(goals(&search(&daemon, json!({"query": "fill", "tag": "x"})).await), ["fill a", "fill c"]);
    assert_eq!(
        goals(&search(&daemon, json!({"query": "fill", "role": "Welder", "tag": "x"})).await),
        ["fill a"]
    );
    assert_eq!(search(&daemon, json!({"query": "fill", "limit": 2})).await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn query_syntax_and_other_hostile_queries_are_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    daemon.add(json!({"goal": "forklift"})).await;
    let many_words = (0..340).map(|i| format!("w{i}")).collect::<Vec<_>>().join("\"");
    assert!(many_words.len() > 1000 && many_words.len() <= 2000);
    let hostile = [
        "\"",
        "forklift\"",
        "goal:forklift",
        "forklift AND",
        "NEAR(forklift",
        "*",
        "^forklift",
        "fork* OR (",
        "'; DROP TABLE words; --",
        "forklift\u{0}x",
        "\u{202e}forklift",
        "{goal tags}:x",
        "-forklift",
        &many_words[..1024],
    ];
    for query in hostile {
        let results = search(&daemon, json!({"query": query})).await;
        let names_it = query.split(|c: char| !c.is_alphanumeric()).any(|word| word == "forklift");
        assert_eq!(results.as_array().unwrap().len(), usize::from(names_it), "{query:?}");
    }
}

#[tokio::test]
async fn empty_or_endless_query_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    for query in ["", "  ", &"x".repeat(1025)] {
        let (status, _) = daemon.post("/pathways/search", &json!({"query": query})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query:?}");
    }
}
