//! Daemons that ask for tokens, and what they do in nobody's name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Builder, Http, Stack, wait_for};
use wire::DaemonName::{self, Catalogd, Embedd, Ingestd, Vectord};

pub(super) const READER: &str = "reader-0123456789abcdef0123456789abcdef";
pub(super) const ADMIN: &str = "admin-0123456789abcdef0123456789abcdef0";
const SERVICE: &str = "service-0123456789abcdef0123456789abcde";

/// How long an index job of a few rows may take, on a busy machine.
const JOB_LIMIT: Duration = Duration::from_secs(60);

/// A configuration with a token that may read, one that may do everything, and one that may write, which is the service
/// token if it is so named.
pub(super) fn tokens(service_token: Option<&str>) -> anyhow::Result<PathBuf> {
    let token = |name: &str, scope: &str| {
        let variable = name.to_uppercase();
        format!("[[auth.tokens]]\nname = \"{name}\"\nscope = \"{scope}\"\nenv = \"{variable}_TOKEN\"\n")
    };
    let named = service_token.map(|name| format!("[auth]\nservice_token = \"{name}\"\n")).unwrap_or_default();
    let text = named + &token("reader", "read") + &token("admin", "admin") + &token("service", "write");
    let file = format!("tokens-{}.toml", service_token.unwrap_or_default());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(file);
    std::fs::write(&path, text)?;
    Ok(path)
}

pub(super) fn with_tokens(builder: Builder, config: &Path) -> Builder {
    let builder = builder.env("LAKEHOUSE_CONFIG", config);
    builder.envs([("READER_TOKEN", READER), ("ADMIN_TOKEN", ADMIN), ("SERVICE_TOKEN", SERVICE)])
}

async fn as_admin(http: &Http, method: Method, path: &str, body: (&str, &str)) -> anyhow::Result<Value> {
    let call =
        http.call(method, path).header("authorization", &format!("Bearer {ADMIN}")).body(body.0, body.1);
    let reply = call.send().await?;
    ensure!(reply.is_success(), "{reply}");
    reply.expect(reply.status)
}

/// Daemons with an index job that waits for embedd, killed in the middle of it and started again: the path of the job.
async fn restarted_with_a_job_half_done(config: &Path) -> anyhow::Result<(Stack, String)> {
    let daemons: [DaemonName; 4] = [Catalogd, Embedd, Vectord, Ingestd];
    let mut stack = with_tokens(Stack::of(&daemons), config).start().await?;
    let ingestd = stack.http(Ingestd)?;
    let rows = ("text/csv", "id,role\na,Welder\nb,Cook\n");
    as_admin(&ingestd, Method::POST, "/ingest?table=hr.people&mode=create", rows).await?;
    stack.daemon(Embedd)?.kill9()?;
    let job = json!({"table": "hr.people", "id_column": "id", "text_template": "{role}", "index": "people"});
    let job = ("application/json", &*job.to_string());
    let accepted = as_admin(&ingestd, Method::POST, "/index-jobs", job).await?;
    stack.daemon(Ingestd)?.kill9()?;
    stack.daemon(Embedd)?.restart().await?;
    stack.daemon(Ingestd)?.restart().await?;
    Ok((stack, format!("/index-jobs/{}", accepted["job_id"].as_str().context("job_id")?)))
}

#[tokio::test]
async fn index_job_goes_on_after_a_restart_with_the_service_token() -> anyhow::Result<()> {
    let (mut stack, path) = restarted_with_a_job_half_done(&tokens(Some("service"))?).await?;
    let ingestd = stack.http(Ingestd)?;
    let succeeded = async || {
        let job = as_admin(&ingestd, Method::GET, &path, ("", "")).await?;
        ensure!(job["state"] == "succeeded" && job["done"] == 2, "{job}");
        Ok(())
    };
    wait_for("the index job", JOB_LIMIT, succeeded).await?;
    ensure!(ingestd.get("/readyz").expect(200).await?["degraded"] == json!([]));
    stack.stop().await
}

#[tokio::test]
async fn index_job_waits_after_a_restart_without_a_service_token_and_ingestd_says_so() -> anyhow::Result<()> {
    let (stack, path) = restarted_with_a_job_half_done(&tokens(None)?).await?;
    let ingestd = stack.http(Ingestd)?;
    let job = as_admin(&ingestd, Method::GET, &path, ("", "")).await?;
    ensure!(job["state"] == "queued" && job["error"].to_string().contains("auth.service_token"), "{job}");
    let readiness = ingestd.get("/readyz").expect(200).await?;
    ensure!(readiness["degraded"].to_string().contains("auth.service_token"), "{readiness}");
    Ok(())
}
