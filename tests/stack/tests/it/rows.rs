//! Rows that change, and indexes that follow, through the real daemons.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Http, Stack, wait_for};
use wire::DaemonName::{self, Catalogd, Embedd, Gateway, Ingestd, Queryd, Vectord};

/// How long a few rows may take, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

async fn send(http: &Http, path: &str, csv: &str) -> anyhow::Result<Value> {
    http.call(Method::POST, path).body("text/csv", csv).expect(200).await
}

#[tokio::test]
async fn erased_person_is_found_neither_in_the_table_nor_in_the_index() -> anyhow::Result<()> {
    let daemons: [DaemonName; 6] = [Gateway, Catalogd, Embedd, Vectord, Ingestd, Queryd];
    let mut stack = Stack::of(&daemons).start().await?;
    let gateway = stack.gateway()?;
    let rows = "id,role\na,Welder in Houston\nb,Cook in Dallas\nc,Nurse in Tulsa\n";
    send(&gateway, "/v1/ingest?table=hr.people", rows).await?;
    let job = json!({
        "table": "hr.people", "id_column": "id", "text_template": "{role}", "metadata_columns": ["role"],
        "index": "people",
    });
    // Once, with its events to the end.
    let once = gateway.post("/v1/index-jobs", &job).expect(202).await?;
    let path = format!("/v1/index-jobs/{}/events", once["job_id"].as_str().context("job_id")?);
    let events = gateway.get(&path).send().await?;
    let text = String::from_utf8_lossy(&events.body).into_owned();
    ensure!(events.header("content-type") == "text/event-stream" && text.contains("event: done"), "{text}");
    let last = text.lines().rev().find_map(|line| line.strip_prefix("data:")).context("no data")?;
    ensure!(serde_json::from_str::<Value>(last)?["added"] == 3, "{last}");

    let mut followed = job;
    followed["follow"] = json!(true);
    let accepted = gateway.post("/v1/index-jobs", &followed).expect(202).await?;
    let path = format!("/v1/index-jobs/{}", accepted["job_id"].as_str().context("job_id")?);
    let follows = async |field: &'static str, count: u64| {
        wait_for("the index to follow", LIMIT, async || {
            let job = gateway.get(&path).expect(200).await?;
            ensure!(job["state"] == "following" && job[field] == count && job["lag_s"] == 0.0, "{job}");
            Ok(())
        })
        .await
    };
    follows("total", 0).await?;
    send(
        &gateway,
        "/v1/tables/hr.people/upsert?key=id",
        "id,role\na,Pipe fitter in Houston\nd,Baker in Waco\n",
    )
    .await?;
    follows("updated", 1).await?;
    let keys = json!({"keys": [{"id": "b"}]});
    let deleted = gateway.post("/v1/tables/hr.people/delete", &keys).expect(200).await?;
    ensure!(deleted["rows_deleted"] == 1, "{deleted}");
    follows("deleted", 1).await?;

    gateway.get("/v1/vectors/index/people/items/b").expect(404).await?;
    let item = gateway.get("/v1/vectors/index/people/items/a").expect(200).await?;
    ensure!(item["metadata"]["role"] == "Pipe fitter in Houston", "{item}");
    let embedded = gateway.post("/v1/embed", &json!({"texts": ["Cook in Dallas"]})).expect(200).await?;
    let search = json!({"vector": embedded["vectors"][0], "k": 10});
    let found = gateway.post("/v1/vectors/index/people/search", &search).expect(200).await?;
    let hits = found["results"].as_array().into_iter().flatten();
    let mut ids: Vec<&str> = hits.filter_map(|hit| hit["id"].as_str()).collect();
    ids.sort_unstable();
    ensure!(ids == ["a", "c", "d"], "{found}");
    let sql = json!({"sql": "SELECT id FROM hr.people ORDER BY id"});
    let rows = gateway.post("/v1/sql", &sql).expect(200).await?;
    ensure!(rows["rows"] == json!([["a"], ["c"], ["d"]]), "{rows}");
    let metrics = stack.http(Ingestd)?.get("/metrics").send().await?;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    ensure!(metrics.contains("index_job_lag_seconds{"), "{metrics}");
    let (url, id) = (gateway.url(""), accepted["job_id"].as_str().context("job_id")?);
    let jobs = |command: &[&str]| -> anyhow::Result<Value> {
        let arguments = [&["jobs", "--json", "--gateway", &url], command].concat();
        Ok(serde_json::from_slice(&testkit::lakectl(&arguments)?)?)
    };
    let listed = jobs(&["list"])?;
    ensure!(listed["jobs"][0]["job_id"] == id && listed["jobs"][1].is_null(), "{listed}");
    let cancelled = jobs(&["cancel", id])?;
    ensure!(cancelled["state"] == "cancelled", "{cancelled}");
    ensure!(jobs(&["list"])?["jobs"][0].is_null(), "a cancelled job is listed as if it went on");
    stack.stop().await?;
    stack.assert_quiet(&[])
}

/// Rows of the table before, and rows that the upsert brings: half of them are there already.
const ROWS: u64 = 20_000;

fn csv(from: u64, state: &str) -> String {
    (from..from + ROWS).fold("id,state\n".to_owned(), |text, id| text + &format!("{id},{state}\n"))
}

fn data_files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of_entry = |entry: std::fs::DirEntry| match entry.path() {
        path if path.is_dir() => data_files(&path),
        path => usize::from(path.extension().is_some_and(|ending| ending == "parquet")),
    };
    entries.flatten().map(of_entry).sum()
}

#[tokio::test]
async fn upsert_that_is_killed_is_there_as_a_whole_or_not_at_all_and_can_be_repeated() -> anyhow::Result<()> {
    let daemons: [DaemonName; 3] = [Catalogd, Ingestd, Queryd];
    let mut stack = Stack::of(&daemons).start().await?;
    send(&stack.http(Ingestd)?, "/ingest?table=hr.people", &csv(0, "old")).await?;
    let half = ROWS / 2;
    // Killed when so many data files more are there: before the rows are written, between them and the rest, and after.
    for (round, files) in [0, 1, 2].into_iter().enumerate() {
        let before = data_files(&stack.data());
        let counted = count(&stack.http(Queryd)?).await?;
        let (state, key) = (format!("new{round}"), format!("k{round}"));
        let upsert = |http: Http| {
            let call =
                http.call(Method::POST, "/tables/hr.people/upsert?key=id").header("idempotency-key", &key);
            call.body("text/csv", csv(half, &state)).send()
        };
        let sent = tokio::spawn(upsert(stack.http(Ingestd)?));
        wait_for("data files", LIMIT, async || {
            ensure!(sent.is_finished() || data_files(&stack.data()) >= before + files, "not yet");
            Ok(())
        })
        .await?;
        stack.daemon(Ingestd)?.kill9()?;
        let _ = sent.await;
        stack.daemon(Ingestd)?.restart().await?;
        let now = count(&stack.http(Queryd)?).await?;
        let all_new = json!([[half, "old"], [ROWS, state]]);
        ensure!(now == counted || now == all_new, "neither old nor new: {now}, before {counted}");
        let again = upsert(stack.http(Ingestd)?).await?;
        ensure!(again.is_success(), "{again}");
        let now = count(&stack.http(Queryd)?).await?;
        ensure!(now == all_new, "{now}");
    }
    stack.stop().await?;
    stack.assert_quiet(&[])
}

/// Rows by state.
async fn count(queryd: &Http) -> anyhow::Result<Value> {
    let sql = "SELECT count(DISTINCT id), state FROM hr.people GROUP BY state \
               HAVING count(*) = count(DISTINCT id) ORDER BY state DESC";
    let answer = queryd.post("/sql", &json!({"sql": sql})).expect(200).await?;
    Ok(answer["rows"].clone())
}
