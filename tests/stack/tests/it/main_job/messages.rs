//! Validators of what is sent.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use testkit::Http;

async fn validate(gateway: &Http, kind: &str, draft: &Value) -> anyhow::Result<Value> {
    gateway.post(&format!("/v1/matrix/validate/{kind}"), draft).expect(200).await
}

fn rules(report: &Value) -> Vec<&str> {
    report["violations"].as_array().into_iter().flatten().filter_map(|one| one["rule"].as_str()).collect()
}

pub(super) async fn validators_judge_drafts(gateway: &Http) -> anyhow::Result<()> {
    let email = json!({"to": "ada@example.com", "subject": "Shift on Monday", "body": "Can you come? Call 555-0123."});
    let report = validate(gateway, "email", &email).await?;
    ensure!(report["ok"] == true, "{report}");

    let with_phone = json!({"to": "+1 212 555 0123", "body": "Shift at 7:00, call 212-555-0123 to confirm."});
    let report = validate(gateway, "sms", &with_phone).await?;
    ensure!(report["ok"] == true, "a phone number is no social security number: {report}");

    let with_ssn = json!({"to": "+1 212 555 0123", "body": "Your SSN 123-45-6789 is on file."});
    let report = validate(gateway, "sms", &with_ssn).await?;
    ensure!(report["ok"] == false && rules(&report).iter().any(|rule| rule.starts_with("ssn")), "{report}");

    let too_many =
        json!({"job": {"id": "j1", "role": "Picker", "headcount": 1}, "worker_ids": ["000001", "000002"]});
    let report = validate(gateway, "fill", &too_many).await?;
    ensure!(report["ok"] == false, "{report}");
    rules(&report).first().context("a rule is named")?;
    Ok(())
}
