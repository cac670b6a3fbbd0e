//! Search and the loop that learns from outcomes.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::Http;

const QUERY: &str = "experienced forklift operator for a warehouse, night shift";
const ROLE: &str = "Forklift Operator";
const OTHER_ROLE: &str = "CNC Operator";
/// What 32-bit distances over HTTP may be off.
const TOLERANCE: f64 = 1e-4;

async fn search(gateway: &Http, role: &str, more: &Value) -> anyhow::Result<Value> {
    let mut body = json!({"query_text": QUERY, "corpora": ["workers"], "k": 10, "role": role});
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    gateway.post("/v1/matrix/search", &body).expect(200).await
}

async fn record(gateway: &Http, answer_id: &str) -> anyhow::Result<()> {
    let outcome =
        json!({"query_text": QUERY, "corpus": "workers", "answer_id": answer_id, "score": 1.0, "role": ROLE});
    let recorded = gateway.post("/v1/matrix/playbooks/record", &outcome).expect(201).await?;
    ensure!(recorded["playbook_id"].is_string() && recorded["indexed"] == true, "{recorded}");
    Ok(())
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().into_iter().flatten().filter_map(|hit| hit["id"].as_str()).collect()
}

fn distance_of(answer: &Value, id: &str) -> anyhow::Result<f64> {
    let hit = answer["results"].as_array().into_iter().flatten().find(|hit| hit["id"] == id);
    hit.with_context(|| format!("{id} is not in {answer}"))?["distance"].as_f64().context("distance")
}

fn ensure_untouched(answer: &Value, cold: &Value) -> anyhow::Result<()> {
    ensure!(answer["boosted"] == 0 && answer["injected"] == 0, "{answer}");
    ensure!(ids(answer) == ids(cold), "{answer} should be as {cold}");
    Ok(())
}

pub(super) async fn search_finds_what_was_meant(gateway: &Http) -> anyhow::Result<()> {
    let answer = search(gateway, ROLE, &json!({})).await?;
    let distances: Vec<_> = answer["results"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|hit| hit["distance"].as_f64())
        .collect();
    ensure!(distances.len() == 10 && distances.is_sorted(), "{answer}");
    let best = answer["results"][0]["metadata"]["role"].as_str();
    ensure!(best == Some(ROLE), "the best hit is a {best:?}: {answer}");

    let filtered = search(gateway, ROLE, &json!({"filter": {"shift": "night", "years": {"gte": 5}}})).await?;
    for hit in filtered["results"].as_array().context("results")? {
        ensure!(hit["metadata"]["shift"] == "night" && hit["metadata"]["years"].as_u64() >= Some(5), "{hit}");
    }
    Ok(())
}

pub(super) async fn recorded_outcome_halves_the_distance(gateway: &Http) -> anyhow::Result<()> {
    let with_playbook = json!({"use_playbook": true});
    let cold = search(gateway, ROLE, &json!({})).await?;
    ensure_untouched(&search(gateway, ROLE, &with_playbook).await?, &cold)?;
    let answer_id = *ids(&cold).get(5).context("six results")?;
    let cold_distance = distance_of(&cold, answer_id)?;
    record(gateway, answer_id).await?;

    let warm = search(gateway, ROLE, &with_playbook).await?;
    let warm_distance = distance_of(&warm, answer_id)?;
    ensure!(warm["boosted"] == 1 && warm["injected"] == 0, "{warm}");
    let difference = (warm_distance - cold_distance * 0.5).abs();
    ensure!(difference < TOLERANCE, "cold {cold_distance}, warm {warm_distance}");
    ensure!(ids(&warm)[0] == answer_id, "half the distance is first: {warm}");

    ensure_untouched(&search(gateway, OTHER_ROLE, &with_playbook).await?, &cold).context("another role")?;
    ensure_untouched(&search(gateway, ROLE, &json!({})).await?, &cold).context("without playbook")
}

pub(super) async fn excluded_ids_stay_away(gateway: &Http) -> anyhow::Result<()> {
    let first = search(gateway, ROLE, &json!({"use_playbook": true})).await?;
    let excluded = ids(&first);
    let second = search(gateway, ROLE, &json!({"use_playbook": true, "exclude_ids": excluded})).await?;
    let both: BTreeSet<_> = ids(&first).into_iter().chain(ids(&second)).collect();
    ensure!(both.len() == 20, "someone else, please: {both:?}");
    ensure!(second["boosted"] == 0 && second["injected"] == 0, "not through the playbook either: {second}");
    Ok(())
}

/// The documented recovery of a damaged playbook memory, at vectord itself.
pub(super) async fn dropped_memory_is_recreated(gateway: &Http, vectord: &Http) -> anyhow::Result<()> {
    let memory = "/vectors/index/playbook_memory";
    ensure!(vectord.get(memory).expect(200).await?["count"] == 1, "one outcome was recorded");
    vectord.delete(memory).expect(204).await?;
    vectord.get(memory).expect(404).await?;
    let with_playbook = json!({"use_playbook": true});
    let cold = search(gateway, ROLE, &json!({})).await?;
    ensure_untouched(&search(gateway, ROLE, &with_playbook).await?, &cold)?;

    let last = *ids(&cold).last().context("results")?;
    record(gateway, last).await?;
    vectord.get(memory).expect(200).await?;
    let warm = search(gateway, ROLE, &with_playbook).await?;
    let (cold, warm) = (distance_of(&cold, last)?, distance_of(&warm, last)?);
    ensure!((warm - cold * 0.5).abs() < TOLERANCE, "cold {cold}, warm {warm}");
    Ok(())
}

pub(super) async fn retrieve_joins_sql_and_meaning(gateway: &Http) -> anyhow::Result<()> {
    let wanted = json!({
        "query_text": QUERY, "corpus": "workers", "where": "years >= 5", "columns": ["role", "years"], "k": 5,
    });
    let answer = gateway.post("/v1/matrix/retrieve", &wanted).expect(200).await?;
    let rows = answer["rows"].as_array().context("rows")?;
    ensure!(rows.len() == 5, "{answer}");
    for row in rows {
        let has_both = row["values"]["years"].as_i64() >= Some(5) && row["values"]["role"].is_string();
        ensure!(has_both && row["distance"].is_number(), "{row}");
    }
    Ok(())
}
