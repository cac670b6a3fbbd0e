//! Tables and objects.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Http, wait_for};

/// Occupational Employment and Wage Statistics, May 2025, of the US Bureau of Labor Statistics.
const LABOR_FILE: &str = "data/oews/oews_2025_staffing_metro_detailed.parquet";
const LABOR: &str = "labor.oews";
const LABOR_ROWS: u64 = 67_809;

pub(super) const WORKERS: &str = "staffing.workers";
const WORKERS_COUNT: u64 = 500;
/// Embedding is what takes time, on two cores that other tests use too.
const INDEX_JOB_LIMIT: Duration = Duration::from_secs(120);

pub(super) async fn tables_come_in(gateway: &Http) -> anyhow::Result<()> {
    let labor = std::fs::read(testkit::repository().join(LABOR_FILE))?;
    let answer = create(gateway, LABOR, "application/vnd.apache.parquet", labor).await?;
    ensure!(answer["rows_written"] == LABOR_ROWS && answer["rows_rejected"] == 0, "{answer}");

    let count = WORKERS_COUNT.to_string();
    let workers =
        testkit::lakectl(&["corpus", "workers", "--count", &count, "--seed", "1", "--format", "csv"])?;
    let answer = create(gateway, WORKERS, "text/csv", workers).await?;
    ensure!(answer["rows_written"] == WORKERS_COUNT && answer["rows_rejected"] == 0, "{answer}");

    let bad = create(gateway, "staffing.bad", "text/csv", b"id,n\n1,2\n2\n".to_vec()).await;
    let complaint = bad.err().context("a bad row must be reported")?.to_string();
    ensure!(complaint.contains("line"), "the bad row's line is not named: {complaint}");

    let tables = gateway.get("/v1/catalog/tables").expect(200).await?;
    let names: Vec<_> =
        tables["tables"].as_array().into_iter().flatten().map(|table| &table["name"]).collect();
    ensure!(names == [LABOR, WORKERS], "{names:?}");
    Ok(())
}

async fn create(gateway: &Http, table: &str, media_type: &str, body: Vec<u8>) -> anyhow::Result<Value> {
    let ingest = gateway.call(Method::POST, &format!("/v1/ingest?table={table}&mode=create"));
    ingest.body(media_type, body).expect(200).await
}

pub(crate) async fn sql_answers_over_both_tables(gateway: &Http) -> anyhow::Result<()> {
    let joined = format!(
        "select count(*), sum(case when w.hourly_pay between o.h_p10 - 1 and o.h_p90 + 1 then 1 else 0 end) \
         from {WORKERS} w join {LABOR} o on w.soc_code = o.soc_code and w.area_code = o.area_code"
    );
    let answer = gateway.post("/v1/sql", &json!({"sql": joined})).expect(200).await?;
    ensure!(answer["rows"][0][0] == WORKERS_COUNT, "every worker has a place in the labour market: {answer}");

    let first = format!("select worker_id, zip from {WORKERS} where worker_id = $1");
    let answer = gateway.post("/v1/sql", &json!({"sql": first, "params": ["000001"]})).expect(200).await?;
    ensure!(answer["rows"][0][0] == "000001", "leading zeros survive: {answer}");
    Ok(())
}

pub(super) async fn workers_are_embedded_and_indexed(gateway: &Http) -> anyhow::Result<()> {
    let job = json!({
        "table": WORKERS,
        "id_column": "worker_id",
        "text_template": "{role} in {area}. {occupation}, {years} years. Skills: {skills}. Shift: {shift}.",
        "metadata_columns": ["role", "state", "shift", "years"],
        "index": "workers",
    });
    let accepted = gateway.post("/v1/index-jobs", &job).expect(202).await?;
    let path = format!("/v1/index-jobs/{}", accepted["job_id"].as_str().context("job_id")?);
    let done = wait_for("the index job", INDEX_JOB_LIMIT, async || {
        let job = gateway.get(&path).expect(200).await?;
        let is_over = job["state"] == "succeeded" || job["state"] == "failed";
        ensure!(is_over, "{job}");
        Ok(job)
    });
    let done = done.await?;
    ensure!(done["state"] == "succeeded" && done["done"] == WORKERS_COUNT, "{done}");
    let index = gateway.get("/v1/vectors/index/workers").expect(200).await?;
    ensure!(index["count"] == WORKERS_COUNT && index["dimension"] == 384, "{index}");
    Ok(())
}

pub(super) async fn objects_round_trip(gateway: &Http) -> anyhow::Result<()> {
    let (path, bytes) = ("/v1/storage/notes/a%20b.bin", b"0123456789".as_slice());
    let stored = gateway.put(path, bytes).send().await?;
    ensure!(stored.is_success(), "{stored}");
    let part = gateway.get(path).header("range", "bytes=2-4").send().await?;
    ensure!(part.status == 206 && part.body == b"234", "{part}");
    let list = gateway.get("/v1/storage?prefix=notes/").expect(200).await?;
    ensure!(list["objects"][0]["key"] == "notes/a b.bin" && list["objects"][0]["size"] == 10, "{list}");
    gateway.delete(path).expect(204).await?;
    gateway.get(path).expect(404).await?;
    Ok(())
}
