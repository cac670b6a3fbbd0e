//! Evidence, the control slice, and the measure of both.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Http, Stack};
use wire::DaemonName;

use super::{PEOPLE, beside, drawn, found, record, search, start};

const QUERY: &str = "a person for the night shift";

#[tokio::test]
async fn under_evidence_agreement_moves_more_and_contradiction_silences() -> anyhow::Result<()> {
    let mut stack = start().await?;
    let mut evidence = beside(&stack, &[("PLAYBOOK__POLICY", "evidence")]).await?;
    let gateway = evidence.gateway()?;
    let vote = async |actor: &str, score: f64, at: &str| {
        record(&gateway, QUERY, "flo", json!({"actor": actor, "score": score, "recorded_at": at})).await
    };
    let all = json!({"k": PEOPLE.len()});
    let strength = async || {
        let answer = search(&gateway, QUERY, all.clone()).await?;
        Ok::<_, anyhow::Error>((drawn(&answer, "flo").context("flo")?, answer))
    };
    let first = vote("v0", 1.0, "2026-01-01T00:00:00Z").await?;
    let (one, _) = strength().await?;
    for actor in ["v0", "v0"] {
        vote(actor, 1.0, "2026-01-02T00:00:00Z").await?;
    }
    ensure!(strength().await?.0 == one, "one voter has one vote");
    for n in 1..4 {
        vote(&format!("v{n}"), 1.0, "2026-01-02T00:00:00Z").await?;
    }
    let (many, _) = strength().await?;
    ensure!(many < one && one < 1.0, "one voter: {one}, four: {many}");
    for n in 4..12 {
        vote(&format!("v{n}"), 0.0, "2026-02-01T00:00:00Z").await?;
    }
    let (silenced, answer) = strength().await?;
    let quarantined = answer["explain"]["playbook"]["quarantined"].as_array().context("quarantined")?;
    ensure!(silenced == 1.0 && !quarantined.is_empty() && !first.is_empty(), "{answer}");

    // The other policy looks at the best score alone.
    let direct = search(&stack.gateway()?, QUERY, all.clone()).await?;
    ensure!(drawn(&direct, "flo") == Some(0.5), "{direct}");
    evidence.stop().await?;
    stack.stop().await?;
    evidence.assert_quiet(&[])?;
    stack.assert_quiet(&[])
}

/// How many outcomes of queries in `arm` were measured, by `/metrics`.
async fn measured(stack: &Stack, arm: &str) -> anyhow::Result<f64> {
    let reply = stack.http(DaemonName::Matrixd)?.get("/metrics").send().await?;
    let text = String::from_utf8(reply.body)?;
    let is_it = |line: &&str| {
        line.starts_with("matrixd_outcome_reciprocal_rank_count{") && line.contains(&format!("arm=\"{arm}\""))
    };
    let value = text.lines().find(is_it).and_then(|line| line.rsplit(' ').next());
    Ok(value.map(str::parse).transpose()?.unwrap_or(0.0))
}

#[tokio::test]
async fn control_slice_is_answered_cold_and_both_slices_are_measured() -> anyhow::Result<()> {
    let mut stack = start().await?;
    let mut half = beside(&stack, &[("PLAYBOOK__HOLDOUT", "0.5")]).await?;
    let gateway = half.gateway()?;
    let (mut held_out, mut treated) = (0.0, 0.0);
    for n in 0..24 {
        let query = format!("night shift number {n}");
        record(&gateway, &query, "ed", json!({})).await?;
        let answer = search(&gateway, &query, json!({})).await?;
        let is_held_out = answer["explain"]["playbook"]["held_out"] == true;
        let moved = answer["boosted"].as_u64() > Some(0) || answer["injected"].as_u64() > Some(0);
        ensure!(moved != is_held_out, "{answer}");
        if is_held_out { held_out += 1.0 } else { treated += 1.0 }
    }
    ensure!(held_out >= 4.0 && treated >= 4.0, "{held_out} and {treated}: seed of the digest");
    for (arm, count) in [("control", held_out), ("treated", treated)] {
        let measured = measured(&half, arm).await?;
        ensure!(measured == count, "{arm}: {measured} of {count}");
    }
    half.stop().await?;
    stack.stop().await?;
    half.assert_quiet(&[])?;
    stack.assert_quiet(&[])
}

async fn evaluate(gateway: &Http, policy: &str, judged: &Value) -> anyhow::Result<Value> {
    let request = json!({"corpus": "people", "policy": policy, "judged": judged, "depth": 3, "each": true});
    gateway.post("/v1/matrix/playbooks/evaluate", &request).expect(200).await
}

#[tokio::test]
async fn evaluation_shows_help_and_harm_and_records_nothing() -> anyhow::Result<()> {
    let mut stack = start().await?;
    let gateway = stack.gateway()?;
    let (helped, harmed) = ("a welder who also drives trucks", "somebody who nurses at night");
    let cold = async |query: &str| {
        let answer = search(&gateway, query, json!({"use_playbook": false})).await?;
        Ok::<_, anyhow::Error>(found(&answer).into_iter().map(|(id, _)| id).collect::<Vec<_>>())
    };
    let (in_need, in_order) = (cold(helped).await?, cold(harmed).await?);
    let judged = json!([
        {"query_text": helped, "relevant": {in_need[1].as_str(): 1}},
        {"query_text": harmed, "relevant": {in_order[0].as_str(): 1}},
        {"query_text": "anybody at all", "relevant": {"cy": 0}},
    ]);
    let before = evaluate(&gateway, "direct", &judged).await?;
    ensure!(before["uplift"] == 0.0 && before["harm_rate"] == 0.0 && before["queries"] == 2, "{before}");

    // Both are put first: the one was right, the other was not.
    record(&gateway, helped, &in_need[1], json!({})).await?;
    record(&gateway, harmed, &in_order[1], json!({})).await?;
    let after = evaluate(&gateway, "direct", &judged).await?;
    ensure!(after["help_rate"] == 0.5 && after["harm_rate"] == 0.5 && after["skipped"] == 1, "{after}");
    ensure!(
        after["each"][0]["warm"]["ndcg"] == 1.0 && after["each"][0]["cold"]["reciprocal_rank"] == 0.5,
        "{after}"
    );
    ensure!(after["each"][1]["warm"]["reciprocal_rank"] == 0.5 && after["each"][2].is_null(), "{after}");
    ensure!(evaluate(&gateway, "direct", &judged).await?["uplift"] == after["uplift"], "the same again");
    ensure!(
        gateway.get("/v1/vectors/index/playbook_memory").expect(200).await?["count"] == 2,
        "nothing recorded"
    );
    stack.stop().await?;
    stack.assert_quiet(&[])
}
