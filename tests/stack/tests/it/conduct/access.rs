//! Who may do what.

use anyhow::{Context, ensure};
use reqwest::Method;
use testkit::{Http, Reply, Stack};
use wire::{DaemonName, ErrorCode};

use super::at_every_daemon;
use super::tokens::{ADMIN, READER, tokens, with_tokens};

const STRANGER: &str = "stranger-0123456789abcdef0123456789abcde";

/// Calls by which the scopes of a daemon can be told apart.
struct Calls {
    daemon: DaemonName,
    read: (Method, &'static str),
    changes: &'static [(Method, &'static str)],
}

const CALLS: [Calls; 11] = [
    calls(DaemonName::Gateway, (Method::GET, "/v1/status"), &[]),
    calls(DaemonName::Storaged, (Method::GET, "/storage"), &[(Method::PUT, "/storage/x")]),
    calls(
        DaemonName::Catalogd,
        (Method::GET, "/catalog/tables"),
        &[(Method::POST, "/iceberg/v1/namespaces")],
    ),
    calls(
        DaemonName::Ingestd,
        (Method::GET, "/index-jobs"),
        &[(Method::POST, "/ingest?table=a.b"), (Method::POST, "/index-jobs")],
    ),
    calls(DaemonName::Queryd, (Method::POST, "/sql"), &[]),
    calls(
        DaemonName::Vectord,
        (Method::GET, "/vectors/index"),
        &[(Method::POST, "/vectors/index"), (Method::DELETE, "/vectors/index/x")],
    ),
    calls(DaemonName::Embedd, (Method::POST, "/embed"), &[]),
    calls(DaemonName::Pathwayd, (Method::GET, "/pathways"), &[(Method::POST, "/pathways")]),
    calls(
        DaemonName::Matrixd,
        (Method::GET, "/matrix/corpora"),
        &[(Method::POST, "/matrix/playbooks/record")],
    ),
    calls(DaemonName::Observerd, (Method::GET, "/observer/events"), &[(Method::POST, "/observer/events")]),
    calls(DaemonName::Chatd, (Method::GET, "/chat/providers"), &[]),
];

const fn calls(
    daemon: DaemonName,
    read: (Method, &'static str),
    changes: &'static [(Method, &'static str)],
) -> Calls {
    Calls { daemon, read, changes }
}

async fn call(http: &Http, method: Method, path: &str, token: &str) -> anyhow::Result<Reply> {
    http.call(method, path).header("authorization", &format!("Bearer {token}")).send().await
}

#[tokio::test]
async fn every_call_needs_a_token_of_its_scope_and_probes_need_none() -> anyhow::Result<()> {
    let config = tokens(None)?;
    at_every_daemon(
        |builder| with_tokens(builder, &config),
        async |name, http| {
            let calls = CALLS.into_iter().find(|calls| calls.daemon == name).context("no calls to try")?;
            http.get("/healthz").expect(200).await?;
            let (method, path) = calls.read;
            let anonymous = http.call(method.clone(), path).send().await?;
            anonymous.expect_problem(ErrorCode::Unauthenticated)?;
            let stranger = call(http, method.clone(), path, STRANGER).await?;
            stranger.expect_problem(ErrorCode::Unauthenticated)?;
            let reader = call(http, method, path, READER).await?;
            ensure!(!matches!(reader.status, 401 | 403), "a reader may read: {reader}");
            for (method, path) in calls.changes {
                let reader = call(http, method.clone(), path, READER).await?;
                ensure!(reader.status == 403, "a reader may not change anything: {reader}");
                let admin = call(http, method.clone(), path, ADMIN).await?;
                ensure!(!matches!(admin.status, 401 | 403), "an admin may: {admin}");
            }
            Ok(())
        },
    )
    .await
}

#[tokio::test]
async fn refusals_on_the_paths_of_iceberg_rest_have_its_form() -> anyhow::Result<()> {
    let config = tokens(None)?;
    let both = [DaemonName::Catalogd, DaemonName::Gateway];
    let stack = with_tokens(Stack::of(&both), &config).start().await?;
    let (list, create) = ((Method::GET, "/iceberg/v1/namespaces"), (Method::POST, "/iceberg/v1/namespaces"));
    for daemon in both {
        let http = stack.http(daemon)?;
        for (code, (method, path), token) in [(401, list.clone(), STRANGER), (403, create.clone(), READER)] {
            let reply = call(&http, method, path, token).await?;
            let error = reply.expect(code)?["error"].clone();
            ensure!(error["type"] == "NotAuthorizedException" && error["code"] == code, "{daemon}: {reply}");
            ensure!(
                error["message"].as_str().is_some_and(|text| text.contains("token")),
                "{daemon}: {reply}"
            );
        }
    }
    Ok(())
}
