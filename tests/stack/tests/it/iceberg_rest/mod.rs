//! catalogd against the specification of Iceberg REST, by a client that knows nothing else: schemathesis.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use testkit::{Stack, python};
use wire::DaemonName::Catalogd;

/// Requests that are made up for each operation, beside those that go through every bound of every field;
/// `LAKEHOUSE_REST_EXAMPLES` asks for more.
const EXAMPLES: &str = "15";
/// `LAKEHOUSE_REST_SEED` asks for others.
const SEED: &str = "20261126";
/// What every answer is held to: no 5xx, a documented status, a documented content type, a body of the documented shape.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

fn folder() -> PathBuf {
    testkit::repository().join("tests/stack/tests/it/iceberg_rest")
}

fn run(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().context("run python3")?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{stdout}\n{stderr}");
    Ok(stdout.into_owned())
}

#[test]
fn contract_is_that_of_the_specification() -> anyhow::Result<()> {
    run(python("schemathesis")?.arg(folder().join("contract.py"))).map(drop)
}

#[tokio::test]
async fn every_operation_answers_as_the_specification_says() -> anyhow::Result<()> {
    let mut stack = Stack::of(&[Catalogd]).start().await?;
    let base = stack.http(Catalogd)?.url("/iceberg");
    let setting = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let mut schemathesis = python("schemathesis")?;
    schemathesis
        .args(["-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"])
        .arg(folder().join("contract.yaml"))
        .args(["--url", &base, "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", &setting("LAKEHOUSE_REST_EXAMPLES", EXAMPLES)])
        .args(["--seed", &setting("LAKEHOUSE_REST_SEED", SEED)])
        .args(["--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off"])
        .env("SCHEMATHESIS_HOOKS", folder().join("hooks.py"))
        .env("ICEBERG_REST", &base)
        .current_dir(stack.data());
    let found = run(&mut schemathesis)?;
    ensure!(found.contains("Tested: 17"), "all operations are to be tested: {found}");
    stack.stop().await?;
    stack.assert_quiet(&[])
}
