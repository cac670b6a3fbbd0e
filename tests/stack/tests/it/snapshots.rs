//! Vector indexes kept as objects of storaged, and brought back.

use anyhow::ensure;
use serde_json::{Value, json};
use testkit::{Http, Stack};
use wire::{DaemonName, ErrorCode};

const KEY: &str = "snapshots/workers/nightly.lhvec";

/// storaged, and a vectord whose index `workers` has 200 items in segments and one in the log.
async fn stack() -> anyhow::Result<(Stack, Http)> {
    let stack = Stack::of(&[DaemonName::Storaged, DaemonName::Vectord])
        .env_of(DaemonName::Vectord, "LAKEHOUSE_VECTORD__INDEX__EXACT_BELOW", "64")
        .start()
        .await?;
    let vectord = stack.http(DaemonName::Vectord)?;
    vectord.post("/vectors/index", &json!({"name": "workers", "dimension": 3})).send().await?.expect(201)?;
    let items: Vec<Value> = (0..200).map(item).collect();
    vectord.post("/vectors/index/workers/add", &json!({"items": items})).expect(200).await?;
    Ok((stack, vectord))
}

fn item(n: u32) -> Value {
    let x = f64::from(n) / 10.0;
    json!({"id": n.to_string(), "vector": [x.sin(), x.cos(), 1.0], "metadata": {"n": n}})
}

async fn nearest(vectord: &Http, index: &str) -> anyhow::Result<Value> {
    let search = json!({"vector": [0.3, 0.4, 1.0], "k": 5, "filter": {"n": {"gte": 50}}});
    let answer = vectord.post(&format!("/vectors/index/{index}/search"), &search).expect(200).await?;
    Ok(answer["results"].clone())
}

async fn take(vectord: &Http) -> anyhow::Result<Value> {
    vectord.post("/vectors/index/workers/snapshot", &json!({"key": KEY})).expect(200).await
}

#[tokio::test]
async fn snapshot_brings_back_an_index_as_it_was_under_any_name() -> anyhow::Result<()> {
    let (stack, vectord) = stack().await?;
    let before = nearest(&vectord, "workers").await?;
    let taken = take(&vectord).await?;
    ensure!(taken["count"] == 200 && taken["key"] == KEY && taken["index"] == "workers", "{taken}");

    vectord
        .post("/vectors/index/workers/delete", &json!({"ids": ["3", "52", "53", "54"]}))
        .expect(200)
        .await?;
    vectord.post("/vectors/index/copy/restore", &json!({"key": KEY})).expect(201).await?;
    vectord.delete("/vectors/index/workers").send().await?.expect(204)?;
    let restored = vectord.post("/vectors/index/workers/restore", &json!({"key": KEY})).expect(201).await?;
    ensure!(restored["count"] == 200 && restored["version"] == taken["version"], "{restored}");
    for index in ["workers", "copy"] {
        ensure!(nearest(&vectord, index).await? == before, "{index} differs from what was snapshot");
    }
    vectord.post("/vectors/index/workers/add", &json!({"items": [item(777)]})).expect(200).await?;
    vectord.get("/vectors/index/workers/items/777").expect(200).await?;
    vectord.get("/vectors/index/copy/items/777").expect(404).await?;
    stack.assert_quiet(&[])
}

#[tokio::test]
async fn snapshot_without_a_key_is_named_after_its_index_and_the_time() -> anyhow::Result<()> {
    let (_stack, vectord) = stack().await?;
    let taken = vectord.post("/vectors/index/workers/snapshot", &json!({})).expect(200).await?;
    let key = taken["key"].as_str().unwrap_or_default();
    ensure!(key.starts_with("snapshots/workers/2") && key.ends_with("Z.lhvec"), "{taken}");
    Ok(())
}

#[tokio::test]
async fn restore_that_cannot_be_right_is_refused_and_changes_nothing() -> anyhow::Result<()> {
    let (stack, vectord) = stack().await?;
    let storaged = stack.http(DaemonName::Storaged)?;
    take(&vectord).await?;
    let whole = storaged.get(&format!("/storage/{KEY}")).send().await?.body;
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    storaged.put("/storage/cut", whole[..whole.len() - 1].to_vec()).expect(200).await?;
    storaged.put("/storage/flipped", flipped).expect(200).await?;
    storaged.put("/storage/letter", "dear all").expect(200).await?;

    let restore = async |index: &str, key: &str| {
        vectord.post(&format!("/vectors/index/{index}/restore"), &json!({"key": key})).send().await
    };
    for damaged in ["cut", "flipped", "letter"] {
        let problem = restore("copy", damaged).await?.expect_problem(ErrorCode::InvalidArgument)?;
        ensure!(problem.detail.contains("the archive is refused"), "{damaged}: {}", problem.detail);
    }
    let missing = restore("copy", "nowhere").await?.expect_problem(ErrorCode::NotFound)?;
    ensure!(missing.detail.contains("nowhere"), "{}", missing.detail);
    restore("workers", KEY).await?.expect_problem(ErrorCode::AlreadyExists)?;
    let list = vectord.get("/vectors/index").expect(200).await?;
    ensure!(list["indexes"].as_array().is_some_and(|indexes| indexes.len() == 1), "{list}");
    ensure!(nearest(&vectord, "workers").await?.as_array().is_some_and(|hits| hits.len() == 5));
    Ok(())
}

#[tokio::test]
async fn snapshot_without_storaged_says_so_and_the_index_serves_on() -> anyhow::Result<()> {
    let (mut stack, vectord) = stack().await?;
    stack.daemon(DaemonName::Storaged)?.kill9()?;
    let refused = vectord.post("/vectors/index/workers/snapshot", &json!({})).send().await?;
    let problem = refused.expect_problem(ErrorCode::PeerUnavailable)?;
    ensure!(problem.detail.contains("storaged"), "{}", problem.detail);
    ensure!(nearest(&vectord, "workers").await?.as_array().is_some_and(|hits| hits.len() == 5));
    Ok(())
}
