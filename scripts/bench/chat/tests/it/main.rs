//! The program against a real chatd: a short run measures all parts.
#![allow(missing_docs)]

use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

#[test]
fn short_run_measures_every_part_and_all_streams_end_as_they_should() -> anyhow::Result<()> {
    let chatd = testkit::binary("chatd")?;
    let out = tempfile::tempdir()?;
    let output = Command::new(env!("CARGO_BIN_EXE_bench-chat"))
        .arg("--binaries")
        .arg(chatd.parent().context("the folder of the daemons")?)
        .args(["--rounds", "2", "--seconds", "0.3", "--sweep", "0.1", "--streams", "50", "--hold", "0.5"])
        .args(["--leak", "3", "--leak-callers", "16", "--settle", "0", "--json", "--out"])
        .arg(out.path())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    let record: Value = serde_json::from_slice(&output.stdout)?;
    for shape in ["whole", "streamed"] {
        ensure!(
            record[shape]["half"]["rounds"].as_array().is_some_and(|rounds| rounds.len() == 2),
            "{record:#}"
        );
        ensure!(record[shape]["highest_per_s"].as_f64() > Some(1.0), "{record:#}");
    }
    ensure!(
        record["held"]["whole"] == 50 && record["held"]["sockets"].as_u64() >= Some(100),
        "{}",
        record["held"]
    );
    let ends = &record["leak"]["ends"];
    ensure!(ends["wrong"] == 0, "{ends}");
    for kind in ["whole", "left", "broken_off"] {
        ensure!(ends[kind].as_u64() > Some(0), "none is {kind}: {ends}");
    }
    for file in ["chat.json", "chat.md", "chat_memory.svg", "chat_sockets.svg"] {
        ensure!(out.path().join(file).is_file(), "{file} is missing; {said}");
    }
    Ok(())
}
