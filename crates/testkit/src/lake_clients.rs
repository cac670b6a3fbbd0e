//! Clients of Iceberg and of S3 that nobody here wrote, each in a process of its own.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::de::DeserializeOwned;
use wire::DaemonName;

use crate::{Stack, python};

/// Runs a Python program with PyIceberg, DuckDB and boto3 at hand, which is told where the lakehouse of `stack` is, and
/// returns what it prints as JSON.
///
/// # Errors
/// When the clients cannot be installed: with what to do; or when the program fails: with what it wrote.
pub fn run_lake_client<T: DeserializeOwned>(stack: &Stack, program: &Path, step: &str) -> anyhow::Result<T> {
    let catalog = stack.http(DaemonName::Catalogd)?.url("/iceberg");
    let secret = fs::read_to_string(stack.data().join("storaged").join("s3-secret"))?;
    let output = python("lake-clients")?
        .arg(program)
        .arg(step)
        .env("CATALOG", catalog)
        .env("S3_ENDPOINT", stack.s3_endpoint()?)
        .env("S3_KEY", "lakehouse")
        .env("S3_SECRET", secret.trim())
        .output()
        .context("run python3")?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{step} failed: {stderr}");
    serde_json::from_str(&stdout).with_context(|| format!("{step} printed {stdout:?} and wrote {stderr}"))
}
