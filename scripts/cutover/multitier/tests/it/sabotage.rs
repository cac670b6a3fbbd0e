//! A harness that cannot fail proves nothing: each promise of the learning loop and of the guard is broken once.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use serde_json::Value;
use testkit::Stack;
use wire::DaemonName;

/// Pieces that a build with debug assertions turns off by `LAKEHOUSE_TEST_DISABLE`, and the scenario that must notice.
const SABOTAGE: [(&str, &str); 4] = [
    ("boost", "playbook_record_replay"),
    ("role_gate", "playbook_record_replay"),
    ("exclude_ids", "profile_swap"),
    ("ssn_guard", "sms_validate"),
];

/// One long test: loading a stack takes longer than all runs.
#[tokio::test]
async fn harness_passes_a_whole_stack_and_fails_one_with_a_piece_turned_off() -> anyhow::Result<()> {
    let stack = Stack::all().start().await?;
    let (status, report) = run_harness(&stack, stack.scratch())?;
    ensure!(status == 0 && report["failed"] == 0, "{report:#}");
    for scenario in report["phases"][0]["scenarios"].as_array().context("scenarios")? {
        ensure!(scenario["played"].as_u64() > Some(0), "never played: {scenario}");
    }
    stack.assert_quiet(&[])?;

    for (piece, scenario) in SABOTAGE {
        let sabotaged = without(piece, &stack).await?;
        let (status, report) = run_harness(&sabotaged, stack.scratch())?;
        let failed = failed_scenarios(&report);
        ensure!(status == 1 && failed == [scenario], "without {piece}, {failed:?} failed: {report:#}");
    }
    Ok(())
}

/// Another gateway and matrixd in front of the same data, with a piece turned off.
async fn without(piece: &str, stack: &Stack) -> anyhow::Result<Stack> {
    let own = [DaemonName::Matrixd, DaemonName::Gateway];
    let shared = stack.daemons().filter(|daemon| !own.contains(&daemon.name()));
    let builder = shared.fold(Stack::of(&own), |builder, daemon| {
        builder.env(&format!("LAKEHOUSE_PEERS__{}", daemon.name().as_str().to_uppercase()), daemon.url())
    });
    builder.env_of(DaemonName::Matrixd, "LAKEHOUSE_TEST_DISABLE", piece).start().await
}

/// The exit code and the report of a short run.
fn run_harness(stack: &Stack, report_dir: &Path) -> anyhow::Result<(i32, Value)> {
    let gateway =
        stack.daemons().find(|daemon| daemon.name() == DaemonName::Gateway).context("gateway")?.url();
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_multitier"))
        .args(["--gateway", &gateway, "--workers", "200", "--concurrency", "8", "--duration", "5", "--json"])
        .args(["--queries", "100", "--recall-every", "50"])
        .arg("--report-dir")
        .arg(report_dir)
        .output()?;
    let report =
        serde_json::from_slice(&stdout).with_context(|| String::from_utf8_lossy(&stderr).into_owned())?;
    Ok((status.code().context("the harness was killed")?, report))
}

fn failed_scenarios(report: &Value) -> Vec<&str> {
    let scenarios = report["phases"][0]["scenarios"].as_array().into_iter().flatten();
    let failed = scenarios.filter(|scenario| scenario["failed"].as_u64() > Some(0));
    failed.filter_map(|scenario| scenario["scenario"].as_str()).collect()
}
