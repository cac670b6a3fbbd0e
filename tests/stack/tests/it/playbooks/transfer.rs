//! Export and import.

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Http;

use super::{drawn, record, search, start};

const COUNT: usize = 150;

async fn import(gateway: &Http, lines: &str) -> anyhow::Result<Value> {
    let call = gateway.call(Method::POST, "/v1/matrix/playbooks/import");
    call.body("application/x-ndjson", lines.to_owned()).expect(200).await
}

async fn export(gateway: &Http) -> anyhow::Result<String> {
    let reply = gateway.get("/v1/matrix/playbooks/export").send().await?;
    ensure!(reply.status == 200 && reply.header("content-type") == "application/x-ndjson", "{reply}");
    Ok(String::from_utf8(reply.body)?)
}

/// What the lines of an export say, without the ids and in no order: an import writes many at once.
fn sayings(lines: &str) -> anyhow::Result<Vec<String>> {
    let parse = |line: &str| -> anyhow::Result<String> {
        let mut playbook: Value = serde_json::from_str(line)?;
        playbook.as_object_mut().context("an object")?.remove("playbook_id").context("an id")?;
        Ok(playbook.to_string())
    };
    let mut sayings = lines.lines().map(parse).collect::<anyhow::Result<Vec<String>>>()?;
    sayings.sort_unstable();
    Ok(sayings)
}

#[tokio::test]
async fn what_is_exported_comes_back_by_an_import_elsewhere_and_only_once() -> anyhow::Result<()> {
    let (mut here, mut elsewhere) = (start().await?, start().await?);
    let (gateway, other) = (here.gateway()?, elsewhere.gateway()?);
    for n in 0..COUNT {
        let more = json!({"actor": format!("actor {}", n % 7), "role": "Welder", "score": (n % 11) as f64 / 10.0,
                          "tags": ["é", "spring"], "expires_at": "2999-01-01T00:00:00.25Z"});
        record(&gateway, &format!("welder number {n}"), "cy", more).await?;
    }
    let lines = export(&gateway).await?;
    ensure!(lines.lines().count() == COUNT, "{} lines", lines.lines().count());
    for _ in 0..2 {
        let report = import(&other, &lines).await?;
        let all = json!({"recorded": COUNT, "indexed": COUNT, "rejected": 0, "rejects": []});
        ensure!(report == all, "{report}");
        ensure!(sayings(&export(&other).await?)? == sayings(&lines)?, "as it was, times and all");
    }
    // What was exported here is here; what was deleted there does not come back by the same import.
    ensure!(import(&gateway, &lines).await?["recorded"] == COUNT);
    ensure!(sayings(&export(&gateway).await?)? == sayings(&lines)?, "not recorded a second time");
    let listed = other.get("/v1/matrix/playbooks?limit=1").expect(200).await?;
    let first = listed["playbooks"][0]["playbook_id"].as_str().context("an id")?;
    other.delete(&format!("/v1/matrix/playbooks/{first}")).expect(204).await?;
    import(&other, &lines).await?;
    ensure!(export(&other).await?.lines().count() == COUNT - 1, "deleted is deleted");
    let memory = other.get("/v1/vectors/index/playbook_memory").expect(200).await?;
    ensure!(memory["count"] == COUNT - 1, "in the index, too: {memory}");

    let warm = search(&other, "welder number 10", json!({"role": "welder"})).await?;
    ensure!(drawn(&warm, "cy").is_some_and(|ratio| ratio < 1.0), "what was imported acts: {warm}");
    for stack in [&mut here, &mut elsewhere] {
        stack.stop().await?;
        stack.assert_quiet(&[])?;
    }
    Ok(())
}

#[tokio::test]
async fn bad_lines_of_an_import_are_named_and_the_others_recorded() -> anyhow::Result<()> {
    let mut stack = start().await?;
    let gateway = stack.gateway()?;
    let line = |answer: &str, corpus: &str| {
        json!({"query_text": "q", "corpus": corpus, "answer_id": answer, "score": 1}).to_string()
    };
    let lines = [
        line("ana", "people"),
        String::new(),
        "{\"query_text\"".to_owned(),
        line("nobody", "people"),
        line("ana", "aliens"),
        line("bo", "people"),
    ];
    // The last line has no line break.
    let report = import(&gateway, &lines.join("\r\n")).await?;
    ensure!(report["recorded"] == 2 && report["rejected"] == 3, "{report}");
    let rejects = report["rejects"].as_array().context("rejects")?;
    for (reject, (line, word)) in rejects.iter().zip([(3, "JSON"), (4, "nobody"), (5, "aliens")]) {
        let reason = reject["reason"].as_str().unwrap_or_default();
        ensure!(reject["line"] == line && reason.contains(word), "{report}");
    }
    ensure!(export(&gateway).await?.lines().count() == 2);
    ensure!(import(&gateway, "").await?["recorded"] == 0, "nothing is no error");
    stack.stop().await?;
    stack.assert_quiet(&[])
}
