//! A stack of the harness' own: it is prepared once, and daemons that are killed lose nothing.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use serde_json::Value;

/// Away from the ports of other stacks.
const PORT_OFFSET: &str = "2300";

/// One test: embedding the corpus takes longer than all else.
#[test]
fn killed_daemons_lose_no_recording_and_the_second_run_finds_the_corpus_embedded() -> anyhow::Result<()> {
    testkit::pull_model(models::DEFAULT_MODEL)?;
    let scratch = tempfile::tempdir()?;
    let first = run_harness(scratch.path(), &["--prepare"])?;
    ensure!(first.contains("Embedding and indexing"), "{first}");

    let second = run_harness(scratch.path(), &["--duration", "1", "--chaos", "8", "--kill-every", "2"])?;
    ensure!(
        second.contains("holds these 200 workers") && !second.contains("Embedding and indexing"),
        "{second}"
    );
    let report = std::fs::read_to_string(scratch.path().join("reports/chaos.json"))?;
    let report: Value = serde_json::from_str(&report)?;
    ensure!(report["failed"] == 0, "{report:#}");
    let chaos = &report["chaos"];
    let killed: Vec<_> =
        chaos["kills"].as_array().context("kills")?.iter().map(|kill| &kill["daemon"]).collect();
    ensure!(killed.starts_with(&[&"vectord".into(), &"embedd".into(), &"matrixd".into()]), "{killed:?}");
    ensure!(chaos["waits"]["calls"].as_u64() > Some(0), "nobody noticed: {chaos:#}");
    let kept = &chaos["kept"];
    ensure!(kept["acknowledged"].as_u64() > Some(0) && kept["warm_searches"].as_u64() > Some(0), "{kept}");
    ensure!(kept["lost"] == 0 && kept["not_recalled"] == 0, "{kept}");
    Ok(())
}

/// What the harness said on standard error; it must succeed.
fn run_harness(scratch: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let Output { status, stderr, .. } = Command::new(env!("CARGO_BIN_EXE_multitier"))
        .arg("--data")
        .arg(scratch.join("cache"))
        .arg("--report-dir")
        .arg(scratch.join("reports"))
        .args(["--name", "chaos", "--port-offset", PORT_OFFSET, "--workers", "200", "--concurrency", "8"])
        .args(["--queries", "100", "--recall-every", "50"])
        .args(arguments)
        .output()?;
    let said = String::from_utf8_lossy(&stderr).into_owned();
    ensure!(status.success(), "{status}: {said}");
    Ok(said)
}
