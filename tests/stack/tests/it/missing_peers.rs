//! Every daemon starts and is ready without the others; what needs one of them says which.

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;
use testkit::{Call, Http, Stack};
use wire::{DaemonName, ErrorCode};

/// Asks a daemon that runs alone for something that it needs a peer for.
async fn names_the_missing_peer(
    alone: DaemonName,
    peer: DaemonName,
    call: impl FnOnce(&Http) -> Call,
) -> anyhow::Result<()> {
    let stack = Stack::of(&[alone]).start().await?;
    let reply = call(&stack.http(alone)?).send().await?;
    let problem = reply.expect_problem(ErrorCode::PeerUnavailable)?;
    ensure!(problem.detail.contains(peer.as_str()), "{peer} is not named: {}", problem.detail);
    Ok(())
}

#[tokio::test]
async fn gateway_names_the_daemon_behind_a_path() -> anyhow::Result<()> {
    let sql = json!({"sql": "select 1"});
    names_the_missing_peer(DaemonName::Gateway, DaemonName::Queryd, |http| http.post("/v1/sql", &sql)).await
}

#[tokio::test]
async fn ingestd_names_catalogd() -> anyhow::Result<()> {
    names_the_missing_peer(DaemonName::Ingestd, DaemonName::Catalogd, |http| {
        http.call(Method::POST, "/ingest?table=a.b&mode=create").body("text/csv", "x\n1\n")
    })
    .await
}

#[tokio::test]
async fn queryd_names_catalogd() -> anyhow::Result<()> {
    let sql = json!({"sql": "select * from a.b"});
    names_the_missing_peer(DaemonName::Queryd, DaemonName::Catalogd, |http| http.post("/sql", &sql)).await
}

#[tokio::test]
async fn matrixd_names_embedd() -> anyhow::Result<()> {
    let search = json!({"query_text": "forklift", "corpora": ["workers"]});
    names_the_missing_peer(DaemonName::Matrixd, DaemonName::Embedd, |http| {
        http.post("/matrix/search", &search)
    })
    .await
}

#[tokio::test]
async fn matrixd_names_pathwayd_when_an_outcome_cannot_be_logged() -> anyhow::Result<()> {
    let record = json!({"query_text": "forklift", "corpus": "workers", "answer_id": "000001", "score": 1.0});
    let peers = [DaemonName::Vectord, DaemonName::Embedd, DaemonName::Matrixd];
    let stack = Stack::of(&peers).start().await?;
    let reply = stack.http(DaemonName::Matrixd)?.post("/matrix/playbooks/record", &record).send().await?;
    // A corpus that does not exist may be found out first; what must not happen is a 2xx.
    ensure!(!reply.is_success(), "an outcome was acknowledged that no log has: {reply}");
    Ok(())
}

#[tokio::test]
async fn status_lists_eleven_daemons_when_ten_are_down() -> anyhow::Result<()> {
    let stack = Stack::of(&[DaemonName::Gateway]).start().await?;
    let status = stack.gateway()?.get("/v1/status").expect(200).await?;
    let daemons = status["daemons"].as_array().context("daemons")?;
    ensure!(status["status"] == "degraded" && daemons.len() == DaemonName::ALL.len(), "{status}");
    ensure!(daemons.iter().filter(|daemon| daemon["status"] == "down").count() == 10, "{status}");
    Ok(())
}
