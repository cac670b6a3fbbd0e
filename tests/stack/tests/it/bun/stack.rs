//! In front of the real gateway.

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;
use testkit::{Call, FrontEnd, Http, Reply, Stack};
use wire::DaemonName;

use crate::playbooks;

/// Headers that say when, over which connection and on which way, and not what.
const PASSING: [&str; 4] = ["connection", "date", "keep-alive", "traceparent"];
const OBJECT: &str = "/v1/storage/notes/a%20b%2Fc.bin";

async fn front_end(stack: &Stack) -> anyhow::Result<FrontEnd> {
    FrontEnd::start(Some(&stack.gateway()?.url(""))).await
}

fn headers(reply: &Reply) -> Vec<(&str, &[u8])> {
    let all = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let mut kept: Vec<_> = all.filter(|(name, _)| !PASSING.contains(name)).collect();
    kept.sort_unstable();
    kept
}

#[tokio::test]
async fn answers_are_the_same_directly_and_through_the_front_end() -> anyhow::Result<()> {
    let daemons = [DaemonName::Storaged, DaemonName::Vectord, DaemonName::Matrixd, DaemonName::Gateway];
    let stack = Stack::of(&daemons).start().await?;
    let (gateway, front_end) = (stack.gateway()?, front_end(&stack).await?);
    let bytes: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    let stored = front_end.gateway().put(OBJECT, bytes.clone()).send().await?;
    ensure!(stored.is_success(), "{stored}");
    gateway.post("/v1/vectors/index", &json!({"name": "people", "dimension": 2})).expect(201).await?;

    type Ask = fn(&Http) -> Call;
    let calls: [(&str, Ask, u16); 10] = [
        ("JSON", |http| http.get("/v1/vectors/index"), 200),
        (
            "same again",
            |http| http.post("/v1/vectors/index", &json!({"name": "people", "dimension": 2})),
            200,
        ),
        ("other", |http| http.post("/v1/vectors/index", &json!({"name": "people", "dimension": 3})), 409),
        ("unknown index", |http| http.get("/v1/vectors/index/nobody"), 404),
        ("unknown path", |http| http.get("/v1/nothing"), 404),
        ("wrong method", |http| http.delete("/v1/matrix/search"), 405),
        ("no corpora", |http| http.post("/v1/matrix/search", &json!({"query_text": "x"})), 400),
        ("object", |http| http.get(OBJECT), 200),
        ("range", |http| http.get(OBJECT).header("range", "bytes=7-1000006"), 206),
        ("head", |http| http.call(Method::HEAD, OBJECT), 200),
    ];
    for (what, call, status) in calls {
        let ask = async |http: &Http| call(http).header("x-request-id", "r1").send().await;
        let (direct, through) = (ask(&gateway).await?, ask(&front_end.gateway()).await?);
        ensure!(direct.status == status && through.status == status, "{what}: {direct}; {through}");
        ensure!(headers(&direct) == headers(&through), "{what}: {:?}; {:?}", direct.headers, through.headers);
        ensure!(direct.body == through.body, "{what}: {direct}; {through}");
    }
    let whole = front_end.gateway().get(OBJECT).send().await?;
    ensure!(whole.body == bytes, "an object came back as another");
    Ok(())
}

#[tokio::test]
async fn outcome_recorded_through_the_front_end_halves_the_distance_for_its_role_alone() -> anyhow::Result<()>
{
    let stack = playbooks::start().await?;
    let front_end = front_end(&stack).await?;
    let gateway = front_end.gateway();
    let (query, role) = ("forklift operator for nights in Tulsa", "Forklift Operator");
    let cold = playbooks::search(&gateway, query, json!({"role": role})).await?;
    let (who, _) = playbooks::found(&cold).into_iter().next().context("nobody was found")?;
    ensure!(playbooks::drawn(&cold, &who) == Some(1.0) && cold["boosted"] == 0, "{cold}");

    playbooks::record(&gateway, query, &who, json!({"role": role})).await?;
    let warm = playbooks::search(&gateway, query, json!({"role": role})).await?;
    ensure!(playbooks::drawn(&warm, &who) == Some(0.5) && warm["boosted"] == 1, "{warm}");
    let other = playbooks::search(&gateway, query, json!({"role": "CNC Operator"})).await?;
    ensure!(other["boosted"] == 0 && other["injected"] == 0, "{other}");
    ensure!(other["results"] == cold["results"], "{other} should be as {cold}");
    Ok(())
}
