//! The program against a real stack and a real Bun: a short run measures both ways.
#![allow(missing_docs)]

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

#[test]
fn short_run_measures_both_ways_at_every_number_of_callers() -> anyhow::Result<()> {
    let gateway = testkit::binary("gateway")?;
    testkit::lakectl(&["models", "pull"])?;
    let out = tempfile::tempdir()?;
    let output = Command::new(env!("CARGO_BIN_EXE_bench-bun"))
        .current_dir(testkit::repository())
        .arg("--binaries")
        .arg(gateway.parent().context("the folder of the daemons")?)
        .arg("--bun")
        .arg(testkit::bun("bun")?.get_program())
        .args(["--workers", "32", "--queries", "8", "--rounds", "2", "--seconds", "0.3", "--out"])
        .arg(out.path())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    let record: Value = serde_json::from_slice(&std::fs::read(out.path().join("bun.json"))?)?;
    let rates = record["rates"].as_array().context("rates")?;
    ensure!(rates.len() == 2, "{record:#}");
    for round in rates.iter().flat_map(|rates| rates["rounds"].as_array()).flatten() {
        for side in ["direct", "through"] {
            ensure!(round[side]["requests"].as_u64() > Some(0) && round[side]["failed"] == 0, "{round:#}");
        }
        ensure!(round["through"]["bun_cores"].as_f64() > Some(0.0), "{round:#}");
    }
    ensure!(out.path().join("bun.md").is_file(), "{said}");
    Ok(())
}
