//! What the log says of a probe that was left out.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::support::{run, verdict};

#[tokio::test]
async fn probe_that_is_left_out_is_in_the_log_as_skipped_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parity"));
    command.args(["skip", "chat", "--left", "llama.cpp", "--right", "/v1/chat/completions", "--json"]);
    command.args(["--because", "it is not built", "--report-dir"]).arg(folder.path());
    let output = run(command).await;
    let verdict = verdict(&output);
    assert_eq!((output.status.code(), &verdict["outcome"]), (Some(3), &json!("SKIPPED")), "{verdict:#}");
    let log = fs::read_to_string(folder.path().join("PARITY.md")).unwrap();
    assert!(log.contains("| chat | llama.cpp (not asked) |"), "{log}");
    assert!(log.contains("SKIPPED | 0/0 | it is not built |"), "{log}");
}
