//! Rows that were not taken can be fetched, all of them.

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::Value;
use testkit::{Http, Stack};
use wire::DaemonName::{Catalogd, Gateway, Ingestd};
use wire::ErrorCode;

const ROWS: usize = 1_000;

/// A body in which every second row is bad.
fn body() -> String {
    let rows = (0..ROWS).map(|row| if row % 2 == 0 { format!("{row}\n") } else { format!("x{row}\n") });
    format!("id\n{}", rows.collect::<String>())
}

async fn ingest(http: &Http, path: &str) -> anyhow::Result<Value> {
    let call = http.call(Method::POST, &format!("{path}?table=hr.people&on_error=skip"));
    call.header("idempotency-key", "k1").body("text/csv", body()).expect(200).await
}

async fn rejected(http: &Http, url: &str) -> anyhow::Result<Vec<Value>> {
    let reply = http.get(url).send().await?;
    ensure!(reply.is_success() && reply.header("content-type") == "application/x-ndjson", "{reply}");
    let lines = std::str::from_utf8(&reply.body)?.lines().map(serde_json::from_str);
    Ok(lines.collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn all_rejected_rows_are_there_after_a_restart_at_the_gateway_and_at_ingestd() -> anyhow::Result<()> {
    let mut stack = Stack::of(&[Catalogd, Ingestd, Gateway]).start().await?;
    let typed = stack.http(Ingestd)?.call(Method::POST, "/ingest?table=hr.people&mode=create");
    typed.body("text/csv", "id\n7\n").expect(200).await?;
    let answer = ingest(&stack.gateway()?, "/v1/ingest").await?;
    ensure!(answer["rows_rejected"] == ROWS / 2 && answer["rejects_kept"] == ROWS / 2, "{answer}");
    ensure!(answer["rejects"].as_array().is_some_and(|shown| shown.len() == 100));

    stack.daemon(Ingestd)?.kill9()?;
    stack.restart().await?;
    let url = answer["rejects_url"].as_str().context("no URL")?;
    let rows = rejected(&stack.gateway()?, url).await?;
    let lines = rows.iter().map(|row| row["line"].as_u64());
    ensure!(lines.eq((0..ROWS as u64 / 2).map(|row| Some(2 * row + 3))), "{rows:?}");
    ensure!(rows[0]["value"] == "x1" && rows[0]["column"] == "id", "{}", rows[0]);

    // The stored answer to the same request leads to the same rows, on a path of the daemon that was asked.
    let replayed = ingest(&stack.http(Ingestd)?, "/ingest").await?;
    ensure!(replayed["replayed"] == true, "{replayed}");
    let own = replayed["rejects_url"].as_str().context("no URL")?;
    ensure!(url == format!("/v1{own}"), "{url} {own}");
    ensure!(rejected(&stack.http(Ingestd)?, own).await? == rows);
    stack.stop().await?;
    stack.assert_quiet(&[])
}

#[tokio::test]
async fn rejected_rows_that_are_not_there_are_not_found_whatever_they_are_called() -> anyhow::Result<()> {
    let stack = Stack::of(&[Catalogd, Ingestd]).start().await?;
    for id in ["01a20388-c8e3-7305-b0c6-babff0d74574", "x", "..%2F..%2Fingestd.sqlite"] {
        let call = stack.http(Ingestd)?.get(&format!("/ingest/rejects/{id}"));
        call.send().await?.expect_problem(ErrorCode::NotFound)?;
    }
    Ok(())
}
