//! What every daemon does alike. Each is started alone, as an operator might.

mod access;
mod configuration;
mod protocol;
mod tokens;

use anyhow::Context;
use serde_json::Value;
use testkit::{Builder, Http, Stack};
use wire::DaemonName;

/// Starts each daemon alone, as `prepare` says, and checks it.
async fn at_every_daemon(
    prepare: impl Fn(Builder) -> Builder,
    mut check: impl AsyncFnMut(DaemonName, &Http) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for name in DaemonName::ALL {
        let stack = prepare(Stack::of(&[name])).start().await?;
        check(name, &stack.http(name)?).await.with_context(|| format!("at {name}"))?;
    }
    Ok(())
}

/// As it comes.
fn plain(builder: Builder) -> Builder {
    builder
}

/// One operation of a daemon's `/openapi.json`.
struct Operation {
    /// A path of that form, with `x` for its parameters.
    path: String,
    method: String,
    takes_json: bool,
}

/// The operations whose shapes are ours: those under foreign protocols have their own errors.
async fn operations(http: &Http) -> anyhow::Result<Vec<Operation>> {
    let document = http.get("/openapi.json").expect(200).await?;
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().context("paths")? {
        let is_foreign = ["/iceberg", "/v1/", "/api/"].iter().any(|prefix| path.starts_with(prefix));
        for (method, operation) in methods.as_object().context("methods")? {
            if !is_foreign || path == "/v1/status" {
                let takes_json = !operation["requestBody"]["content"]["application/json"].is_null();
                operations.push(Operation { path: fill(path), method: method.clone(), takes_json });
            }
        }
    }
    Ok(operations)
}

/// The first operation that takes a JSON body by POST.
async fn json_path(http: &Http) -> anyhow::Result<Option<String>> {
    let operations = operations(http).await?;
    let found = operations.into_iter().find(|operation| operation.takes_json && operation.method == "post");
    Ok(found.map(|operation| operation.path))
}

fn fill(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Fails unless `value` is a JSON object with members.
fn ensure_members(value: &Value) -> anyhow::Result<()> {
    anyhow::ensure!(value.as_object().is_some_and(|members| !members.is_empty()), "empty: {value}");
    Ok(())
}
