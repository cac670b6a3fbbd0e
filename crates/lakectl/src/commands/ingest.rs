//! `lakectl ingest`: a file into a table.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use wire::ingest::{IngestAnswer, IngestFormat, IngestMode, IngestParams, OnError, Reject};

use crate::output;
use crate::session::Connection;

const PATIENCE: Duration = Duration::from_secs(3600);

/// Arguments of `lakectl ingest`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lakectl ingest staffing.workers workers.csv\n  \
                        lakectl ingest bls.oews data/oews/oews_2025_staffing_metro_detailed.parquet\n  \
                        lakectl ingest staffing.workers new.ndjson --skip-errors --dry-run")]
pub struct Args {
    /// The table, `namespace.name`.
    table: String,
    /// A `.csv`, `.tsv`, `.ndjson`, `.jsonl` or `.parquet` file.
    file: PathBuf,
    /// Replace all rows of the table.
    #[arg(long)]
    overwrite: bool,
    /// Report rows that do not fit and load the others; without it, one such row stops everything.
    #[arg(long)]
    skip_errors: bool,
    /// Read and check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Makes a repetition of this very command harmless.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let params = IngestParams {
        table: args.table.clone(),
        mode: args.overwrite.then_some(IngestMode::Overwrite),
        format: Some(format_of(&args.file)?),
        on_error: if args.skip_errors { OnError::Skip } else { OnError::Abort },
        max_errors: None,
        dry_run: args.dry_run,
    };
    let session = args.connection.open()?;
    let file = tokio::fs::read(&args.file).await.with_context(|| format!("read {}", args.file.display()))?;
    let key = args.idempotency_key.as_deref();
    let ingestd = session.peers.ingestd();
    let answer =
        ingestd.ingest(&session.call(PATIENCE), &params, "application/octet-stream", file, key).await?;
    if as_json { output::json(&answer) } else { show(&answer) }
}

/// The format that the ending of `file` names.
pub(super) fn format_of(file: &Path) -> anyhow::Result<IngestFormat> {
    Ok(match file.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => IngestFormat::Csv,
        Some("tsv") => IngestFormat::Tsv,
        Some("ndjson" | "jsonl") => IngestFormat::Ndjson,
        Some("json") => IngestFormat::Json,
        Some("parquet") => IngestFormat::Parquet,
        _ => bail!("{}: the ending must be csv, tsv, ndjson, jsonl, json or parquet", file.display()),
    })
}

fn show(answer: &IngestAnswer) -> anyhow::Result<()> {
    let IngestAnswer { table, rows_read, rows_written, rows_rejected, .. } = answer;
    output::line(format!("{table}: {rows_written} of {rows_read} rows written, {rows_rejected} rejected"))?;
    for change in &answer.schema_changes {
        output::line(format!("column {} was {} and is {} now", change.column, change.from, change.to))?;
    }
    show_rejects(&answer.rejects)
}

/// A table of rejected rows, if there are any.
pub(super) fn show_rejects(rejects: &[Reject]) -> anyhow::Result<()> {
    if rejects.is_empty() {
        return Ok(());
    }
    let rows = rejects.iter().map(|reject| {
        let (column, value) = (reject.column.clone(), reject.value.clone());
        vec![
            reject.line.to_string(),
            column.unwrap_or_default(),
            value.unwrap_or_default(),
            reject.reason.clone(),
        ]
    });
    output::line(output::table(&["line", "column", "value", "reason"], rows.collect(), &[0]).to_string())
}
