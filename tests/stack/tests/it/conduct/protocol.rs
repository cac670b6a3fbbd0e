//! Health, metrics, documentation, errors, and what travels in headers.

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::json;
use testkit::{Reply, Stack};
use wire::context::{REQUEST_ID, TRACEPARENT};
use wire::{DaemonName, ErrorCode};

use super::{at_every_daemon, ensure_members, json_path, operations, plain};

/// Daemons that read JSON bodies and refuse them in our shape: the gateway does so at `/ai/embed`.
const TAKE_JSON: usize = 11;
/// The example of W3C Trace Context, level 1, section 3.2.
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn daemon_starts_alone_is_ready_and_says_who_it_is() -> anyhow::Result<()> {
    at_every_daemon(plain, async |name, http| {
        let ready = http.get("/readyz").expect(200).await?;
        ensure!(ready["ready"] == true, "{ready}");
        let health = http.get("/healthz").expect(200).await?;
        ensure!(health["status"] == "ok" && health["daemon"] == name.as_str(), "{health}");
        ensure!(health["rss_bytes"].as_u64() > Some(0), "{health}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn neighbours_are_called_directly_whatever_proxy_the_environment_names() -> anyhow::Result<()> {
    // Nobody listens at the port for discarding (RFC 863).
    let nowhere = "http://127.0.0.1:9";
    let through = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].map(|variable| (variable, nowhere));
    let stack = Stack::of(&[DaemonName::Gateway, DaemonName::Matrixd]).envs(through).start().await?;
    let draft =
        json!({"to": "+15125550123", "sender": "Acme", "body": "Acme: shift at 7. Reply STOP to opt out."});
    stack.gateway()?.post("/v1/matrix/validate/sms", &draft).expect(200).await?;
    Ok(())
}

#[tokio::test]
async fn sigterm_ends_with_exit_code_0_and_a_quiet_log() -> anyhow::Result<()> {
    for name in DaemonName::ALL {
        let mut stack = Stack::of(&[name]).start().await?;
        stack.http(name)?.get("/no/such/path").expect(404).await?;
        stack.stop().await?;
        stack.assert_quiet(&[])?;
        let log = stack.daemon(name)?.log()?;
        ensure!(log.contains("listening") && log.contains("stopped"), "{name} logged: {log}");
    }
    Ok(())
}

#[tokio::test]
async fn metrics_are_in_the_prometheus_text_format() -> anyhow::Result<()> {
    at_every_daemon(plain, async |_, http| {
        http.get("/no/such/path").expect(404).await?;
        let reply = http.get("/metrics").send().await?;
        ensure!(reply.status == 200 && reply.header("content-type").starts_with("text/plain"), "{reply}");
        let text = String::from_utf8(reply.body)?;
        let samples: Vec<_> =
            text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        for sample in &samples {
            ensure!(is_sample(sample), "not a sample: {sample}");
        }
        for expected in ["http_requests_total", "process_resident_memory_bytes"] {
            ensure!(samples.iter().any(|sample| sample.starts_with(expected)), "no {expected}: {text}");
        }
        Ok(())
    })
    .await
}

/// `name{label="value"} 1.5`, Prometheus text format 0.0.4.
fn is_sample(line: &str) -> bool {
    let Some((series, value)) = line.rsplit_once(' ') else { return false };
    let name = series.split('{').next().unwrap_or_default();
    let is_name =
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':') && !name.is_empty();
    let has_whole_labels = series.len() == name.len() || series.ends_with('}');
    is_name && has_whole_labels && (value.parse::<f64>().is_ok() || value == "+Inf")
}

#[tokio::test]
async fn openapi_document_lists_paths_and_their_answers() -> anyhow::Result<()> {
    at_every_daemon(plain, async |name, http| {
        let document = http.get("/openapi.json").expect(200).await?;
        ensure!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")), "{document}");
        ensure!(document["info"]["title"] == name.as_str(), "{}", document["info"]);
        ensure_members(&document["paths"])?;
        for (path, methods) in document["paths"].as_object().context("paths")? {
            ensure_members(methods)?;
            for (method, operation) in methods.as_object().context("methods")? {
                ensure_members(&operation["responses"]).with_context(|| format!("{method} {path}"))?;
            }
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn unknown_path_and_wrong_method_answer_with_a_problem() -> anyhow::Result<()> {
    at_every_daemon(plain, async |_, http| {
        let reply = http.get("/no/such/path").send().await?;
        reply.expect_problem(ErrorCode::NotFound)?;
        for operation in operations(http).await? {
            let reply = http.call(Method::PATCH, &operation.path).send().await?;
            reply.expect_problem(ErrorCode::MethodNotAllowed)?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn broken_json_answers_with_a_problem() -> anyhow::Result<()> {
    let mut checked = 0;
    at_every_daemon(plain, async |_, http| {
        if let Some(path) = json_path(http).await? {
            for body in ["{", "", "[]", "{\"no_such_member\": 1}", "\u{0}"] {
                let reply = http.call(Method::POST, &path).body("application/json", body).send().await?;
                reply.expect_problem(ErrorCode::InvalidArgument)?;
            }
            checked += 1;
        }
        Ok(())
    })
    .await?;
    assert_eq!(checked, TAKE_JSON);
    Ok(())
}

#[tokio::test]
async fn body_beyond_the_limit_answers_with_413() -> anyhow::Result<()> {
    let limited = [
        "LAKEHOUSE_SERVICE__MAX_BODY_BYTES",
        "LAKEHOUSE_STORAGED__MAX_OBJECT_BYTES",
        "LAKEHOUSE_INGESTD__MAX_BODY_BYTES",
        "LAKEHOUSE_CHATD__MAX_BODY_BYTES",
    ];
    let large = json!({"text": "x".repeat(2_000)}).to_string();
    for name in DaemonName::ALL {
        let section = format!("LAKEHOUSE_{}__", name.as_str().to_uppercase());
        let own =
            limited.iter().filter(|key| key.starts_with("LAKEHOUSE_SERVICE") || key.starts_with(&section));
        let builder = own.fold(Stack::of(&[name]), |builder, key| builder.env(key, "1000"));
        let stack = builder.start().await?;
        let http = stack.http(name)?;
        let mut replies: Vec<Reply> = Vec::new();
        if let Some(path) = json_path(&http).await? {
            replies
                .push(http.call(Method::POST, &path).body("application/json", large.as_str()).send().await?);
        }
        match name {
            DaemonName::Storaged => replies.push(http.put("/storage/large", large.as_str()).send().await?),
            DaemonName::Ingestd => {
                let load = http.call(Method::POST, "/ingest?table=a.b");
                replies.push(load.body("application/x-ndjson", large.as_str()).send().await?);
            }
            _ => {}
        }
        for reply in replies {
            reply.expect_problem(ErrorCode::PayloadTooLarge).with_context(|| format!("at {name}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn request_id_and_trace_come_back_and_hostile_ones_do_not() -> anyhow::Result<()> {
    at_every_daemon(plain, async |_, http| {
        let parent = format!("00-{TRACE_ID}-00f067aa0ba902b7-01");
        let call = http.get("/no/such/path").header(REQUEST_ID, "order-66").header(TRACEPARENT, &parent);
        let reply = call.send().await?;
        let problem = reply.expect_problem(ErrorCode::NotFound)?;
        ensure!(reply.header(REQUEST_ID) == "order-66" && problem.request_id == "order-66", "{reply}");
        let trace = reply.header(TRACEPARENT);
        ensure!(trace.contains(TRACE_ID) && trace != parent, "{trace} should be a child of {parent}");

        let hostile = "x".repeat(4_000);
        let reply =
            http.get("/healthz").header(REQUEST_ID, &hostile).header(TRACEPARENT, "00-0-0-0").send().await?;
        let id = reply.header(REQUEST_ID);
        ensure!(!id.is_empty() && id.len() < 200 && reply.header(TRACEPARENT).len() == parent.len(), "{id}");
        Ok(())
    })
    .await
}
