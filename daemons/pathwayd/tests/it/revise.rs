use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::json;

use crate::{Daemon, goals, pathway};

#[tokio::test]
async fn revision_replaces_the_content_and_the_history_keeps_what_was() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let id = daemon.add(json!({"goal": "old words", "tags": ["draft"]})).await;
    let revise = json!({"expected_version": 1, "reason": "clearer", "content": {"goal": "new text"}});
    let (status, written) = daemon.post(&format!("/pathways/{id}/revise"), &revise).await;
    assert_eq!((status, &written), (StatusCode::OK, &json!({"id": id, "version": 2})));

    let (_, history) = daemon.get(&format!("/pathways/{id}/history")).await;
    assert_eq!(goals(&history["versions"]), ["old words", "new text"]);
    assert_eq!(history["versions"][1]["reason"], "clearer");
    let (_, by_old_tag) = daemon.get("/pathways?tag=draft").await;
    assert_eq!(by_old_tag["pathways"], json!([]));
    let (_, by_old_word) = daemon.post("/pathways/search", &json!({"query": "words"})).await;
    assert_eq!(by_old_word["results"], json!([]));
    let (_, by_new_word) = daemon.post("/pathways/search", &json!({"query": "text"})).await;
    assert_eq!(goals(&by_new_word["results"]), ["new text"]);
}

#[tokio::test]
async fn of_concurrent_revisions_of_one_version_exactly_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let id = daemon.add(pathway("a")).await;
    let path = format!("/pathways/{id}/revise");
    let revise = json!({"expected_version": 1, "content": {"goal": "b"}});
    let answers = join_all((0..10).map(|_| daemon.post(&path, &revise))).await;
    let count = |status| answers.iter().filter(|answer| answer.0 == status).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::CONFLICT)), (1, 9));
    let (_, read) = daemon.get(&format!("/pathways/{id}")).await;
    assert_eq!(read["version"], 2);
}

#[tokio::test]
async fn repeated_revision_under_one_key_makes_one_version() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let id = daemon.add(pathway("a")).await;
    let path = format!("/pathways/{id}/revise");
    let revise = json!({"content": {"goal": "b"}});
    let first = daemon.post_keyed(&path, "key-1", &revise).await;
    assert_eq!(daemon.post_keyed(&path, "key-1", &revise).await, first);
    assert_eq!(first.1["version"], 2);
    // A key belongs to one request, so it cannot add either.
    assert_eq!(
        daemon.post_keyed("/pathways", "key-1", &pathway("b")).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn retired_pathway_is_found_by_id_only_and_cannot_be_revised() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let id = daemon.add(json!({"goal": "gone", "tags": ["t"]})).await;
    let retire = format!("/pathways/{id}/retire");
    assert_eq!(daemon.post(&retire, &json!({"expected_version": 7})).await.0, StatusCode::CONFLICT);
    let first = daemon.post(&retire, &json!({"reason": "obsolete"})).await;
    assert_eq!(first, (StatusCode::OK, json!({"id": id, "version": 2})));
    assert_eq!(daemon.post(&retire, &json!({})).await, first, "retiring again changes nothing");

    let (_, read) = daemon.get(&format!("/pathways/{id}")).await;
    assert_eq!((&read["state"], &read["reason"]), (&json!("retired"), &json!("obsolete")));
    for path in ["/pathways", "/pathways?tag=t"] {
        assert_eq!(daemon.get(path).await.1["pathways"], json!([]), "{path}");
    }
    assert_eq!(daemon.post("/pathways/search", &json!({"query": "gone"})).await.1["results"], json!([]));
    let revise = json!({"content": {"goal": "back"}});
    assert_eq!(daemon.post(&format!("/pathways/{id}/revise"), &revise).await.0, StatusCode::CONFLICT);
}

#[tokio::test]
async fn long_history_comes_in_pages() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let id = daemon.add(pathway("goal 1")).await;
    for version in 2..=5 {
        let revise = json!({"content": {"goal": format!("goal {version}")}});
        daemon.post(&format!("/pathways/{id}/revise"), &revise).await;
    }
    let (_, page) = daemon.get(&format!("/pathways/{id}/history?limit=3")).await;
    assert_eq!((goals(&page["versions"]), &page["next"]), (vec!["goal 1", "goal 2", "goal 3"], &json!(3)));
    let (_, page) = daemon.get(&format!("/pathways/{id}/history?limit=3&after=3")).await;
    assert_eq!((goals(&page["versions"]), page.get("next")), (vec!["goal 4", "goal 5"], None));
}
