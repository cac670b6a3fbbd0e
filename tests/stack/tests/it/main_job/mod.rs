//! The main job over HTTP, through the gateway: real data in, searched by meaning and by SQL, acted upon, learnt from.

mod data;
mod learning;
mod messages;

use anyhow::{Context, ensure};
use testkit::Stack;
use wire::DaemonName;

pub(crate) use data::sql_answers_over_both_tables;

/// One long test: each step stands on those before it, and loading a stack takes longer than all of them.
#[tokio::test]
async fn data_comes_in_is_searched_and_every_outcome_teaches_the_next_search() -> anyhow::Result<()> {
    let mut stack = Stack::all().start().await?;
    run(&stack).await?;
    stack.stop().await?;
    stack.assert_quiet(&[])
}

/// Does the main job on all eleven daemons.
pub(crate) async fn run(stack: &Stack) -> anyhow::Result<()> {
    let gateway = stack.gateway()?;
    data::tables_come_in(&gateway).await.context("ingest")?;
    data::sql_answers_over_both_tables(&gateway).await.context("SQL")?;
    data::workers_are_embedded_and_indexed(&gateway).await.context("index job")?;
    data::objects_round_trip(&gateway).await.context("storage")?;

    learning::search_finds_what_was_meant(&gateway).await.context("search")?;
    learning::recorded_outcome_halves_the_distance(&gateway).await.context("learning loop")?;
    learning::excluded_ids_stay_away(&gateway).await.context("exclude_ids")?;
    let vectord = stack.http(DaemonName::Vectord)?;
    learning::dropped_memory_is_recreated(&gateway, &vectord).await.context("playbook_memory")?;
    learning::retrieve_joins_sql_and_meaning(&gateway).await.context("retrieve")?;

    messages::validators_judge_drafts(&gateway).await.context("validators")?;
    status_lists_all_daemons(stack).await.context("status")
}

async fn status_lists_all_daemons(stack: &Stack) -> anyhow::Result<()> {
    let status = stack.gateway()?.get("/v1/status").expect(200).await?;
    let daemons = status["daemons"].as_array().context("daemons")?;
    ensure!(status["status"] == "ok" && daemons.len() == DaemonName::ALL.len(), "{status}");
    for daemon in daemons {
        let is_whole = daemon["rss_bytes"].as_u64() > Some(0) && daemon["latency_ms"].is_number();
        ensure!(is_whole && daemon["version"].is_string() && daemon["uptime_s"].is_u64(), "{daemon}");
    }
    Ok(())
}
