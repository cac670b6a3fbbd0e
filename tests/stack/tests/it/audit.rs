//! The audit of a stack that has learned something, by the command that operators use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::{Http, Stack};

use crate::playbooks::{people_come_in, record};

const QUERY: &str = "somebody who drives a forklift at night";
const ROLE: &str = "Forklift Operator";
const NUMBER: &str = "123-45-6789";

/// `lakectl audit` against one stack and one knowledge base.
struct Audit {
    gateway: String,
    kb: PathBuf,
    reports: PathBuf,
}

impl Audit {
    /// Whether a command succeeded, and what it said.
    fn run(arguments: &[&str]) -> anyhow::Result<(bool, Value)> {
        let output = Command::new(testkit::binary("lakectl")?).args(arguments).output()?;
        let said = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        Ok((output.status.success(), said))
    }

    fn full(&self, more: &[&str]) -> anyhow::Result<(bool, Value)> {
        let (kb, reports) = (self.kb.display().to_string(), self.reports.display().to_string());
        let arguments = ["audit", "full", "--json", "--test-command", "true", "--gateway", &self.gateway];
        Self::run(&[&arguments[..], &["--kb", &kb, "--reports", &reports], more].concat())
    }

    fn drift(&self) -> anyhow::Result<Value> {
        let kb = self.kb.display().to_string();
        let (succeeded, said) = Self::run(&["audit", "drift", "--json", "--kb", &kb])?;
        ensure!(succeeded, "{said}");
        Ok(said)
    }

    /// The folder of the run that a report is about.
    fn folder(&self, report: &Value) -> anyhow::Result<PathBuf> {
        Ok(self.kb.join("runs").join(report["run"].as_str().context("run")?))
    }
}

#[tokio::test]
async fn audit_passes_sees_drift_and_damage_and_keeps_a_planted_number_out_of_exports() -> anyhow::Result<()>
{
    let mut stack = Stack::all().start().await?;
    let gateway = stack.gateway()?;
    teach(&gateway).await?;
    let scratch = stack.scratch();
    let audit = Audit { gateway: gateway.url(""), kb: scratch.join("kb"), reports: scratch.join("reports") };

    let (succeeded, report) = audit.full(&["--append-baseline"])?;
    ensure!(succeeded && report["passed"] == true && report["checks_passed"] == 12, "{report:#}");
    ensure!(report["baseline_appended"] == true && report["replay"]["changed"] == json!([]), "{report:#}");
    let metrics = &report["metrics"];
    ensure!(metrics["p4_pref_pairs"] == 1 && metrics["p4_total_quarantined"] == 2, "{metrics}");
    let summary = fs::read_to_string(audit.reports.join("audit_full.md"))?;
    ensure!(summary.contains("12 of 12 required checks passed"), "{summary}");
    planted_number_is_in_quarantine(&audit.folder(&report)?)?;

    drift_by_hand_is_seen(&audit)?;
    changed_answers_are_listed(&audit, &gateway).await?;
    damage_fails_the_audit(&audit, &report)?;
    stack.stop().await?;
    stack.assert_quiet(&[])
}

/// Outcomes of both kinds, one of them twice, an event, and a pathway with a social security number.
async fn teach(gateway: &Http) -> anyhow::Result<()> {
    people_come_in(gateway).await?;
    record(gateway, QUERY, "ana", json!({"role": ROLE})).await?;
    record(gateway, QUERY, "ana", json!({"role": ROLE, "actor": "zoe"})).await?;
    record(gateway, QUERY, "cy", json!({"role": ROLE, "score": 0.0})).await?;
    let pathway = json!({"goal": "call her back about the night shift", "steps": [format!("took {NUMBER} down")], "score": 1.0});
    gateway.post("/v1/pathways", &pathway).expect(201).await?;
    let attributes = json!({"query": "welder for pipes in Houston", "answer": "called three, one will come", "outcome": "filled"});
    let event =
        json!({"id": "e1", "kind": "job.filled", "time": "2026-11-26T10:00:00Z", "attributes": attributes});
    gateway.post("/v1/observer/events", &json!({"events": [event]})).expect(200).await?;
    Ok(())
}

fn planted_number_is_in_quarantine(run: &Path) -> anyhow::Result<()> {
    let exports = ["retrieval", "fine_tuning", "preferences"].map(|name| format!("exports/{name}.jsonl"));
    let outputs = ["evidence.jsonl", "verdicts.jsonl", "quarantine.jsonl", "receipt.json", "summary.json"];
    for name in exports.iter().map(String::as_str).chain(outputs) {
        let text = fs::read_to_string(run.join(name)).with_context(|| name.to_owned())?;
        ensure!(!text.contains(NUMBER), "{name} has the number: {text}");
    }
    let quarantine = fs::read_to_string(run.join("quarantine.jsonl"))?;
    let rows = quarantine.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let of_it = rows.iter().find(|row| row["reason"] == "pii").context("nothing is in quarantine for it")?;
    ensure!(of_it["source"] == "pathways", "{of_it}");
    Ok(())
}

fn drift_by_hand_is_seen(audit: &Audit) -> anyhow::Result<()> {
    let log = audit.kb.join("audit_baselines.jsonl");
    let drifted = |said: &Value| -> Vec<Value> {
        let lines = said["drift"]["lines"].as_array().into_iter().flatten();
        lines.filter(|line| line["is_drift"] == true).map(|line| line["metric"].clone()).collect()
    };
    let said = audit.drift()?;
    ensure!(drifted(&said).is_empty(), "{said:#}");
    let mut baselines = fs::read_to_string(&log)?;
    let mut by_hand: Value = serde_json::from_str(baselines.lines().last().context("a baseline")?)?;
    (by_hand["p3_accepted"], by_hand["p3_human"]) = (json!(100), json!(7));
    baselines += &format!("{by_hand}\n");
    fs::write(&log, &baselines)?;
    let said = audit.drift()?;
    ensure!(drifted(&said) == ["p3_accepted", "p3_human"], "{said:#}");
    ensure!(fs::read_to_string(&log)? == baselines, "looking has changed the log");
    Ok(())
}

async fn changed_answers_are_listed(audit: &Audit, gateway: &Http) -> anyhow::Result<()> {
    record(gateway, QUERY, "flo", json!({"role": ROLE})).await?;
    let (succeeded, report) = audit.full(&[])?;
    let changed = report["replay"]["changed"].as_array().context("changed")?;
    ensure!(succeeded && changed.len() == 1 && changed[0]["query"] == QUERY, "{report:#}");
    ensure!(changed[0]["before"] != changed[0]["now"], "{report:#}");
    Ok(())
}

fn damage_fails_the_audit(audit: &Audit, report: &Value) -> anyhow::Result<()> {
    let export = audit.folder(report)?.join("exports/retrieval.jsonl");
    let text = fs::read_to_string(&export)?;
    fs::write(&export, text.replacen("night", "day", 1))?;
    let (succeeded, report) = audit.full(&["--append-baseline"])?;
    let failed: Vec<&Value> = report["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|check| check["passed"] == false)
        .map(|check| &check["name"])
        .collect();
    ensure!(!succeeded && report["baseline_appended"] == false, "{report:#}");
    ensure!(failed == ["receipt_matches_files", "rerun_gives_the_same_bytes"], "{report:#}");
    Ok(())
}
