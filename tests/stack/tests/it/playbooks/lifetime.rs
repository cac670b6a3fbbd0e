//! From the record to the end of a playbook.

use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use testkit::wait_for;
use wire::ErrorCode;

use super::{drawn, record, search, start};

const QUERY: &str = "somebody who drives a forklift at night";
const INDEX: &str = "/v1/vectors/index/playbook_memory";
/// What the background takes, at most.
const LIMIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn deleted_playbook_moves_nothing_and_another_of_the_same_lesson_still_does() -> anyhow::Result<()> {
    let mut stack = start().await?;
    let gateway = stack.gateway()?;
    let lesson = json!({"role": "Forklift Operator", "actor": "zoe", "tags": ["spring"]});
    let first = record(&gateway, QUERY, "ana", lesson.clone()).await?;
    let second = record(&gateway, QUERY, "ana", lesson).await?;
    ensure!(gateway.get(INDEX).expect(200).await?["count"] == 1, "one lesson");

    let shown = gateway.get(&format!("/v1/matrix/playbooks/{first}")).expect(200).await?;
    ensure!(shown["answer_id"] == "ana" && shown["tags"] == json!(["spring"]), "{shown}");
    ensure!(shown["recorded_at"].is_string() && shown["playbook_id"] == *first, "{shown}");

    let role = json!({"role": "forklift operator"});
    gateway.delete(&format!("/v1/matrix/playbooks/{second}")).expect(204).await?;
    let warm = search(&gateway, QUERY, role.clone()).await?;
    ensure!(drawn(&warm, "ana") == Some(0.5), "the first recording still counts: {warm}");
    ensure!(warm["explain"]["playbook"]["playbook_ids"] == json!([first]), "{warm}");

    gateway.delete(&format!("/v1/matrix/playbooks/{first}")).expect(204).await?;
    let cold = search(&gateway, QUERY, role).await?;
    ensure!(cold["boosted"] == 0 && cold["injected"] == 0, "{cold}");
    ensure!(gateway.get(INDEX).expect(200).await?["count"] == 0, "the lesson has left the index");
    for gone in [&first, "0193b2c4-0000-7000-8000-000000000001"] {
        let path = format!("/v1/matrix/playbooks/{gone}");
        gateway.get(&path).send().await?.expect_problem(ErrorCode::NotFound)?;
        gateway.delete(&path).send().await?.expect_problem(ErrorCode::NotFound)?;
    }
    // A rebuild does not bring it back.
    let rebuilt = gateway.post("/v1/matrix/playbooks/rebuild", &json!({})).expect(200).await?;
    ensure!(rebuilt == json!({"indexed": 0, "skipped": 0}), "{rebuilt}");
    stack.stop().await?;
    stack.assert_quiet(&[])
}

#[tokio::test]
async fn expired_playbook_stops_counting_and_leaves_the_index_by_itself() -> anyhow::Result<()> {
    let mut stack = start().await?;
    let gateway = stack.gateway()?;
    let soon = jiff::Timestamp::now() + Duration::from_secs(2);
    record(&gateway, QUERY, "ana", json!({ "expires_at": soon })).await?;
    let kept = record(&gateway, QUERY, "bo", json!({"expires_at": "2999-01-01T00:00:00Z"})).await?;
    wait_for("the end of the recording", LIMIT, async || {
        let answer = search(&gateway, QUERY, json!({})).await?;
        ensure!(drawn(&answer, "bo") == Some(0.5), "what has not expired counts: {answer}");
        ensure!(drawn(&answer, "ana") == Some(1.0), "{answer}");
        Ok(())
    })
    .await?;
    wait_for("the expired lesson to leave the index", LIMIT, async || {
        let index = gateway.get(INDEX).expect(200).await?;
        ensure!(index["count"] == 1, "{index}");
        Ok(())
    })
    .await?;
    let rebuilt = gateway.post("/v1/matrix/playbooks/rebuild", &json!({})).expect(200).await?;
    ensure!(rebuilt == json!({"indexed": 1, "skipped": 1}), "{rebuilt}");
    let late =
        json!({"query_text": QUERY, "corpus": "people", "answer_id": "ana", "score": 1, "expires_at": soon});
    let refused = gateway.post("/v1/matrix/playbooks/record", &late).send().await?;
    ensure!(refused.expect_problem(ErrorCode::InvalidArgument)?.detail.contains("expires_at"), "{refused}");
    let listed = gateway.get("/v1/matrix/playbooks?limit=10").expect(200).await?;
    ensure!(listed["playbooks"][1]["playbook_id"] == *kept, "the log keeps both: {listed}");
    stack.stop().await?;
    stack.assert_quiet(&[])
}

#[tokio::test]
async fn playbooks_are_listed_by_role_and_tag_page_by_page() -> anyhow::Result<()> {
    let mut stack = start().await?;
    let gateway = stack.gateway()?;
    for (n, (role, tag)) in
        [("Welder", "a"), ("welder ", "b"), ("Nurse", "a"), ("WELDER", "a")].into_iter().enumerate()
    {
        record(&gateway, &format!("query {n}"), "cy", json!({"role": role, "tags": [tag]})).await?;
    }
    let list = async |query: &str| gateway.get(&format!("/v1/matrix/playbooks?{query}")).expect(200).await;
    let texts = |page: &serde_json::Value| -> Vec<String> {
        let playbooks = page["playbooks"].as_array().into_iter().flatten();
        playbooks.filter_map(|playbook| playbook["query_text"].as_str().map(str::to_owned)).collect()
    };
    ensure!(texts(&list("role=welder").await?) == ["query 0", "query 1", "query 3"]);
    ensure!(texts(&list("role=welder&tag=a").await?) == ["query 0", "query 3"]);
    ensure!(texts(&list("tag=nothing").await?).is_empty());
    let first = list("limit=3").await?;
    let next = first["next"].as_str().unwrap_or_default();
    ensure!(texts(&first).len() == 3 && texts(&list(&format!("after={next}")).await?) == ["query 3"]);
    stack.stop().await?;
    stack.assert_quiet(&[])
}
