//! The first half: data come in, are stored as tables, asked in SQL, and indexed.

use std::time::Duration;

use serde_json::json;
use wire::CallContext;
use wire::ingest::{IndexJobRequest, IngestFormat, IngestMode, IngestParams, OnError};
use wire::sql::SqlRequest;

use super::Demo;
use super::journal::Journal;
use crate::commands::{index, sql};
use crate::corpus::{self, METADATA_COLUMNS, TEXT_TEMPLATE};
use crate::session::operator_token;

const LABOUR_TABLE: &str = "bls.oews";
const WORKERS_TABLE: &str = "staffing.workers";
/// The corpus that everything after searches.
pub(super) const CORPUS: &str = "workers";
const INGEST_PATIENCE: Duration = Duration::from_secs(300);

/// The table of the Bureau of Labor Statistics that is in the repository, and in this program.
static OEWS: &[u8] = include_bytes!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../data/oews/oews_2025_staffing_metro_detailed.parquet"
));

const QUESTION: &str = "\
SELECT area_name AS metro_area, CAST(employment AS BIGINT) AS employed, h_p50 AS median_hourly_pay
FROM bls.oews
WHERE soc_code = '53-7051' AND employment >= 3000
ORDER BY h_p50 DESC LIMIT 5";

pub(super) async fn labour_market(demo: &Demo, journal: &mut Journal) -> anyhow::Result<()> {
    let command = format!(
        "curl --data-binary @data/oews/oews_2025_staffing_metro_detailed.parquet \\\n     \
         '{}/v1/ingest?table={LABOUR_TABLE}&mode=create&format=parquet'",
        demo.gateway
    );
    journal.step("Labour statistics come in: 67,809 rows of the US Bureau of Labor Statistics", &command)?;
    let rows = ingest(demo, LABOUR_TABLE, IngestFormat::Parquet, OEWS.to_vec()).await?;
    journal.say(&format!("    {rows} rows are in the table {LABOUR_TABLE}"))?;
    journal.done(&json!({"labour_rows": rows}))
}

pub(super) async fn workers(demo: &Demo, journal: &mut Journal) -> anyhow::Result<()> {
    let command = format!(
        "lakectl corpus workers --count {} --seed {} --out workers.csv\n\
         curl --data-binary @workers.csv '{}/v1/ingest?table={WORKERS_TABLE}&mode=create&format=csv'",
        demo.workers, demo.seed, demo.gateway
    );
    journal.step("Workers come in: generated people on that real labour market", &command)?;
    let mut csv = Vec::new();
    corpus::write_workers(demo.workers, demo.seed, corpus::Format::Csv, &mut csv)?;
    let rows = ingest(demo, WORKERS_TABLE, IngestFormat::Csv, csv).await?;
    journal.say(&format!(
        "    {rows} rows are in the table {WORKERS_TABLE}; the people are made up, the market is not"
    ))?;
    journal.done(&json!({"workers": rows}))
}

async fn ingest(demo: &Demo, table: &str, format: IngestFormat, body: Vec<u8>) -> anyhow::Result<u64> {
    let params = IngestParams {
        table: table.to_owned(),
        mode: Some(IngestMode::Create),
        format: Some(format),
        on_error: OnError::Abort,
        max_errors: None,
        dry_run: false,
    };
    let ctx = CallContext::root(INGEST_PATIENCE).with_token(operator_token());
    let ingestd = demo.session.peers.ingestd();
    Ok(ingestd.ingest(&ctx, &params, "application/octet-stream", body, None).await?.rows_written)
}

pub(super) async fn question(demo: &Demo, journal: &mut Journal) -> anyhow::Result<()> {
    let body = json!({"sql": QUESTION.replace('\n', " ")});
    let command =
        format!("curl {}/v1/sql --json '{}'", demo.gateway, body.to_string().replace('\'', "'\\''"));
    journal.step("Ask in SQL: which metro areas pay forklift operators best?", &command)?;
    let request = SqlRequest { sql: QUESTION.to_owned(), params: Vec::new() };
    let answer = demo.session.peers.queryd().sql(&demo.call(), &request).await?;
    journal.table(&sql::table(&answer))?;
    journal.done(&json!({"sql_rows": answer.row_count}))
}

pub(super) async fn index(demo: &Demo, journal: &mut Journal) -> anyhow::Result<()> {
    let request = IndexJobRequest {
        table: WORKERS_TABLE.to_owned(),
        id_column: "worker_id".to_owned(),
        text_template: TEXT_TEMPLATE.to_owned(),
        metadata_columns: METADATA_COLUMNS.map(str::to_owned).to_vec(),
        index: CORPUS.to_owned(),
        follow: false,
    };
    let command =
        format!("curl {}/v1/index-jobs --json '{}'", demo.gateway, serde_json::to_string(&request)?);
    journal.step("Embed every worker and index the vectors", &command)?;
    let job = index::index(&demo.session, &request).await?;
    journal.say(&format!("    {} workers are in the index {CORPUS}", job.done))?;
    journal.done(&json!({"indexed": job.done, "embedded_per_second": job.rate}))
}
