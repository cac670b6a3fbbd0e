//! Tables in the bucket.

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Http, Stack};
use wire::DaemonName::{Catalogd, Ingestd, Queryd, Storaged};

use super::{PREFIX, keys, on_s3, server};

async fn ingest(stack: &Stack, mode: &str, csv: &str) -> anyhow::Result<()> {
    let path = format!("/ingest?table=sales.orders&mode={mode}");
    let call = stack.http(Ingestd)?.call(Method::POST, &path).body("text/csv", csv);
    let answer = call.expect(200).await?;
    ensure!(answer["rows_rejected"] == 0 && answer["snapshot_id"].is_i64(), "{answer}");
    Ok(())
}

async fn totals(stack: &Stack) -> anyhow::Result<Value> {
    let sql =
        "select city, count(*), sum(amount) from sales.orders where amount > 1 group by city order by city";
    let answer = stack.http(Queryd)?.post("/sql", &json!({"sql": sql})).expect(200).await?;
    Ok(answer["rows"].clone())
}

/// All keys that storaged lists.
async fn listed(storaged: &Http) -> anyhow::Result<Vec<String>> {
    let list = storaged.get("/storage").expect(200).await?;
    let objects = list["objects"].as_array().context("objects")?;
    Ok(objects.iter().filter_map(|object| object["key"].as_str()).map(str::to_owned).collect())
}

#[tokio::test]
async fn table_on_s3_grows_is_queried_and_lies_under_the_prefix() -> anyhow::Result<()> {
    let (server, user) = server().await?;
    let mut stack = on_s3(&[Storaged, Catalogd, Ingestd, Queryd], &server, &user).start().await?;
    ingest(&stack, "create", "city,amount\nOslo,10\nLima,1\n").await?;
    ingest(&stack, "append", "city,amount\nOslo,5\nLima,7\n").await?;
    ensure!(totals(&stack).await? == json!([["Lima", 1, 7], ["Oslo", 2, 15]]));

    stack.stop().await?;
    stack.restart().await?;
    ensure!(totals(&stack).await? == json!([["Lima", 1, 7], ["Oslo", 2, 15]]), "after a restart");
    ingest(&stack, "overwrite", "city,amount\nBonn,2\n").await?;
    ensure!(totals(&stack).await? == json!([["Bonn", 1, 2]]));

    let stored = keys(&server).await?;
    let (data, metadata) = (format!("{PREFIX}/sales/orders-"), format!("{PREFIX}/.lakehouse/"));
    ensure!(stored.iter().all(|key| key.starts_with(&data)), "{metadata} must be empty: {stored:?}");
    for (ending, count) in [(".parquet", 3), (".metadata.json", 4)] {
        let found = stored.iter().filter(|key| key.ends_with(ending)).count();
        ensure!(found == count, "{found} files end with {ending}: {stored:?}");
    }
    let shown: Vec<_> = listed(&stack.http(Storaged)?).await?;
    let shown: Vec<_> = shown.iter().map(|key| format!("{PREFIX}/{key}")).collect();
    ensure!(shown == stored, "storaged lists {shown:?}, there are {stored:?}");
    stack.stop().await?;
    stack.assert_quiet(&[])
}
