//! The simplest of the predecessor's failures: an index that lost its only item answered 500 ever after.

use anyhow::ensure;
use serde_json::json;
use testkit::{Http, Stack};
use wire::DaemonName;

use super::create;

async fn add(http: &Http, id: &str) -> anyhow::Result<()> {
    let items = json!({"items": [{"id": id, "vector": [1.0, 0.0]}]});
    http.post("/vectors/index/t/add", &items).expect(200).await.map(drop)
}

/// Fails unless a search finds exactly these.
async fn check_found(http: &Http, ids: &[&str]) -> anyhow::Result<()> {
    let found =
        http.post("/vectors/index/t/search", &json!({"vector": [1.0, 0.0], "k": 5})).expect(200).await?;
    let results = found["results"].as_array().cloned().unwrap_or_default();
    let found_ids: Vec<_> = results.iter().filter_map(|hit| hit["id"].as_str()).collect();
    ensure!(found_ids == ids, "{found}");
    Ok(())
}

#[tokio::test]
async fn index_that_lost_its_only_item_answers_200_and_takes_another_also_after_a_crash() -> anyhow::Result<()>
{
    let mut stack = Stack::of(&[DaemonName::Vectord]).start().await?;
    let http = stack.http(DaemonName::Vectord)?;
    create(&http, "t", 2).await?;
    for id in ["first", "second", "third"] {
        add(&http, id).await?;
        check_found(&http, &[id]).await?;
        let deleted = http.post("/vectors/index/t/delete", &json!({"ids": [id]})).expect(200).await?;
        ensure!(deleted["deleted"] == 1, "{deleted}");
        check_found(&http, &[]).await?;
        stack.daemon(DaemonName::Vectord)?.kill9()?;
        stack.daemon(DaemonName::Vectord)?.restart().await?;
        check_found(&http, &[]).await?;
    }
    add(&http, "last").await?;
    check_found(&http, &["last"]).await?;
    stack.stop().await?;
    stack.assert_quiet(&[])
}
