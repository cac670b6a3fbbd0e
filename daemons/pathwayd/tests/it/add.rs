use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{Daemon, pathway};

#[tokio::test]
async fn everything_that_was_added_is_read_back_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let content = json!({
        "goal": "Fill a night shift in Tulsa", "role": "Forklift Operator",
        "steps": ["search workers", {"tool": "validate", "ok": true, "n": 1.5}],
        "result": {"worker_id": "00123"}, "score": 0.75, "tags": ["fill", "night"],
        "provenance": {"actor": "matrixd"},
    });
    let daemon = Daemon::start(folder.path()).await;
    let id = daemon.add(content.clone()).await;
    drop(daemon);
    let daemon = Daemon::start(folder.path()).await;
    let (status, read) = daemon.get(&format!("/pathways/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&read["id"], &read["version"], &read["state"]), (&json!(id), &json!(1), &json!("active")));
    for (field, value) in content.as_object().unwrap() {
        assert_eq!(&read[field], value, "{field}");
    }
    assert_eq!(read["created"], read["updated"]);
}

#[tokio::test]
async fn repeated_idempotency_key_gives_the_first_answer_and_adds_once() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let first = daemon.post_keyed("/pathways", "key-1", &pathway("a")).await;
    let again = daemon.post_keyed("/pathways", "key-1", &pathway("a")).await;
    assert_eq!((first.0, again.0), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(first.1, again.1);
    let (status, problem) = daemon.post_keyed("/pathways", "key-1", &pathway("b")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("unprocessable")));
    let (_, list) = daemon.get("/pathways").await;
    assert_eq!(crate::goals(&list["pathways"]), ["a"]);
}

#[tokio::test]
async fn concurrent_repetitions_under_one_key_add_once() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let body = pathway("a");
    let answers = join_all((0..20).map(|_| daemon.post_keyed("/pathways", "key-1", &body))).await;
    assert_eq!(answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).count(), 1);
    assert!(answers.iter().all(|(_, written)| written == &answers[0].1), "{answers:?}");
}

#[tokio::test]
async fn concurrent_adds_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let bodies: Vec<Value> = (0..300).map(|i| pathway(&format!("goal {i}"))).collect();
    let answers = join_all(bodies.iter().map(|body| daemon.post("/pathways", body))).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::CREATED));
    let (_, list) = daemon.get("/pathways?limit=1000").await;
    assert_eq!(list["pathways"].as_array().unwrap().len(), 300);
}

#[tokio::test]
async fn content_that_breaks_a_rule_is_refused_by_name_and_not_stored() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let cases = [
        (json!({"goal": "  "}), "goal"),
        (json!({"goal": "x".repeat(4097)}), "goal"),
        (json!({"goal": "a", "score": 1.01}), "score"),
        (json!({"goal": "a", "score": -0.01}), "score"),
        (json!({"goal": "a", "steps": vec!["x"; 257]}), "steps"),
        (json!({"goal": "a", "tags": vec!["x"; 65]}), "tags"),
        (json!({"goal": "a", "tags": [""]}), "tag"),
        (json!({"goal": "a", "role": "x".repeat(129)}), "role"),
        (json!({"goal": "a", "result": "x".repeat(256 * 1024)}), "262144"),
        (json!({"goal": "a", "gaol": "a"}), "gaol"),
        (json!({"steps": []}), "goal"),
        (json!([]), "goal"),
    ];
    for (content, rule) in cases {
        let (status, problem) = daemon.post("/pathways", &content).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{rule}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(rule) || content.is_array(), "{rule}: {detail}");
    }
    let long_key = "x".repeat(256);
    assert_eq!(daemon.post_keyed("/pathways", &long_key, &pathway("a")).await.0, StatusCode::BAD_REQUEST);
    let (_, list) = daemon.get("/pathways").await;
    assert_eq!(list, json!({"pathways": []}));
}

#[tokio::test]
async fn unknown_id_is_404_and_no_id_at_all_400() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path()).await;
    let unknown = "/pathways/01890a5d-ac96-774b-bcce-b302099a8057";
    for path in [unknown.to_owned(), format!("{unknown}/history")] {
        assert_eq!(daemon.get(&path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(daemon.post(&format!("{unknown}/retire"), &json!({})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(daemon.get("/pathways/x").await.0, StatusCode::BAD_REQUEST);
}
