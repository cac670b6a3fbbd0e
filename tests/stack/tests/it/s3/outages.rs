//! A bucket that is not there, does not let us in, or does not answer: said at once, in words, and mended without a restart.

use std::time::{Duration, Instant};

use anyhow::ensure;
use reqwest::Method;
use serde_json::json;
use testkit::{Credentials, S3Server, Stack, wait_for};
use tokio::task::JoinSet;
use wire::DaemonName::{Catalogd, Ingestd, Queryd, Storaged};
use wire::ErrorCode;

use super::{BUCKET, on_s3, server};

const DAEMONS: [wire::DaemonName; 4] = [Storaged, Catalogd, Ingestd, Queryd];
/// How long a request to the server may take while it does not answer: its repetitions are bounded by 15 s and end with one
/// that may last [`ATTEMPT`]. The client's own defaults would need more than 33 s.
const REQUEST_LIMIT: Duration = Duration::from_secs(28);
/// How long one attempt may take, as `AWS_TIMEOUT` has it.
const ATTEMPT: &str = "3s";
const READY_LIMIT: Duration = Duration::from_secs(60);

/// Waits until every daemon says that it is not ready for a reason that contains `reason`.
async fn all_say(stack: &Stack, reason: &str) -> anyhow::Result<()> {
    for daemon in stack.daemons() {
        let what = format!("{} to say {reason:?}", daemon.name());
        wait_for(&what, READY_LIMIT, async || {
            let said = daemon.http().get("/readyz").expect(503).await?;
            ensure!(said["reasons"].to_string().contains(reason), "{said}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn all_are_ready(stack: &Stack) -> anyhow::Result<()> {
    for daemon in stack.daemons() {
        let ready = async || daemon.http().get("/readyz").expect(200).await;
        wait_for(&format!("{} to be ready", daemon.name()), READY_LIMIT, ready).await?;
    }
    Ok(())
}

/// Every way into the warehouse says that it is away, and soon.
async fn calls_say_unavailable(stack: &Stack, object: &str) -> anyhow::Result<()> {
    let (storaged, ingestd, queryd) = (stack.http(Storaged)?, stack.http(Ingestd)?, stack.http(Queryd)?);
    let ingest = ingestd.call(Method::POST, "/ingest?table=a.b").body("text/csv", "n\n1\n");
    let mut calls = JoinSet::new();
    for (call, requests) in [
        (storaged.put("/storage/new", "x"), 1),
        (storaged.get(object), 1),
        (storaged.delete(object), 1),
        (storaged.get("/storage"), 1),
        (queryd.post("/sql", &json!({"sql": "select * from t.known"})), 1),
        // What could not be written is deleted, as far as that goes.
        (ingest, 2),
    ] {
        let asked = Instant::now();
        calls.spawn(async move { (call.send().await, asked.elapsed(), REQUEST_LIMIT * requests) });
    }
    while let Some(answered) = calls.join_next().await {
        let (reply, took, limit) = answered?;
        let reply = reply?;
        let problem = reply.expect_problem(ErrorCode::Unavailable)?;
        ensure!(problem.detail.contains("warehouse") && took < limit, "{took:?}: {reply}");
    }
    Ok(())
}

#[tokio::test]
async fn bucket_that_does_not_exist_is_said_so_until_it_does() -> anyhow::Result<()> {
    let server = S3Server::start().await?;
    let user = server.create_user().await?;
    let stack = on_s3(&DAEMONS, &server, &user).unready().start().await?;
    all_say(&stack, "the bucket of the warehouse does not exist").await?;
    let put = stack.http(Storaged)?.put("/storage/a", "x").send().await?;
    let problem = put.expect_problem(ErrorCode::Unavailable)?;
    ensure!(problem.detail.contains("bucket"), "{put}");
    server.create_bucket(BUCKET).await?;
    all_are_ready(&stack).await
}

#[tokio::test]
async fn credentials_that_are_not_taken_are_said_so() -> anyhow::Result<()> {
    let (server, user) = server().await?;
    let unknown = Credentials { key_id: "AKIAUNKNOWN".to_owned(), secret: user.secret.clone() };
    let wrong = Credentials { key_id: user.key_id, secret: "wrong".to_owned() };
    for credentials in [unknown, wrong] {
        let stack = on_s3(&DAEMONS, &server, &credentials).unready().start().await?;
        all_say(&stack, "refuses access").await?;
        let put = stack.http(Storaged)?.put("/storage/a", "x").send().await?;
        ensure!(put.expect_problem(ErrorCode::Unavailable)?.detail.contains("credentials"), "{put}");
    }
    Ok(())
}

#[tokio::test]
async fn server_that_goes_away_is_said_so_soon_and_found_again() -> anyhow::Result<()> {
    let (mut server, user) = server().await?;
    let stack = on_s3(&DAEMONS, &server, &user).env("AWS_TIMEOUT", ATTEMPT).start().await?;
    let known = stack.http(Ingestd)?.call(Method::POST, "/ingest?table=t.known").body("text/csv", "n\n1\n");
    known.expect(200).await?;
    stack.http(Storaged)?.put("/storage/kept", "x").expect(200).await?;

    server.pause()?;
    calls_say_unavailable(&stack, "/storage/kept").await?;
    server.resume()?;
    let kept = stack.http(Storaged)?.get("/storage/kept").send().await?;
    ensure!(kept.status == 200 && kept.body == b"x", "{kept}");

    server.kill()?;
    calls_say_unavailable(&stack, "/storage/kept").await
}

#[tokio::test]
async fn server_that_comes_after_the_daemons_is_found() -> anyhow::Result<()> {
    let (mut first, user) = server().await?;
    first.kill()?;
    let stack = on_s3(&DAEMONS, &first, &user).unready().start().await?;
    all_say(&stack, "does not answer").await?;
    let second = S3Server::start_at(first.port()).await?;
    second.create_bucket(BUCKET).await?;
    all_are_ready(&stack).await
}

#[tokio::test]
async fn server_is_spoken_to_over_tls() -> anyhow::Result<()> {
    let (server, user) = server().await?;
    let (endpoint, certificate) = server.tls();
    let tls = on_s3(&[Storaged], &server, &user).env("AWS_ENDPOINT_URL", endpoint);
    let stack = tls.env("SSL_CERT_FILE", certificate).start().await?;
    stack.http(Storaged)?.put("/storage/a", "x").expect(200).await?;
    ensure!(super::keys(&server).await?.len() == 1);
    Ok(())
}
