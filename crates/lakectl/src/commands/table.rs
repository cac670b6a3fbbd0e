//! `lakectl table`: what tables there are, and what keeps them small and fast.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use indicatif::HumanBytes;
use wire::catalog::{CompactTable, ExpireSnapshots, RemoveOrphans, TableInfo};
use wire::ingest::{DeleteRows, OnError, UpsertAnswer, UpsertParams};

use super::ingest::{format_of, show_rejects};
use crate::output;
use crate::session::{Connection, Session};

const PATIENCE: Duration = Duration::from_secs(3600);
const SECONDS_PER_DAY: f64 = 86_400.0;

/// Arguments of `lakectl table`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lakectl table list\n  lakectl table upsert hr.people changes.csv --key id\n  \
                        lakectl table delete hr.people --keys '[{\"id\": 7}]'\n  \
                        lakectl table compact hr.people --dry-run\n  \
                        lakectl table expire-snapshots hr.people --older-than-days 30 --retain-last 10\n  \
                        lakectl table remove-orphans hr.people --dry-run"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show all tables.
    List,
    /// Put the rows of a file into a table, in the place of those with the same keys.
    Upsert(Upsert),
    /// Delete rows. Older snapshots have them until they expire.
    #[command(group(clap::ArgGroup::new("which").required(true).args(["condition", "keys"])))]
    Delete {
        /// The table, as namespace.name.
        table: String,
        /// Which rows, in the words of filters, as JSON; never empty.
        #[arg(long = "where", value_name = "JSON")]
        condition: Option<String>,
        /// Which rows, by their keys, as JSON: '[{"worker_id": "000007"}]'.
        #[arg(long, value_name = "JSON")]
        keys: Option<String>,
        /// Say only how many there are.
        #[arg(long)]
        dry_run: bool,
    },
    /// Rewrite small data files as larger ones. The rows stay the same, and so do older snapshots.
    Compact {
        /// The table, as namespace.name.
        table: String,
        /// How large files should be, bytes; 128 MiB by default.
        #[arg(long, value_name = "BYTES")]
        target_file_bytes: Option<u64>,
        /// Fewer small files than this are left alone, unless they fill a file; 5 by default.
        #[arg(long, value_name = "N")]
        min_files: Option<usize>,
        /// Say only what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove old snapshots, and the files that only they need. They cannot be asked for again.
    ExpireSnapshots {
        /// The table, as namespace.name.
        table: String,
        /// Older ones go; 5 by default.
        #[arg(long, value_name = "DAYS")]
        older_than_days: Option<f64>,
        /// So many of each branch stay, however old they are; 1 by default.
        #[arg(long, value_name = "N")]
        retain_last: Option<usize>,
        /// Say only what would be done.
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete files in the table's folder that nothing refers to: what crashes leave behind.
    RemoveOrphans {
        /// The table, as namespace.name.
        table: String,
        /// Younger ones stay, because a commit may be under way; 3 by default, at least an hour.
        #[arg(long, value_name = "DAYS")]
        older_than_days: Option<f64>,
        /// Say only what would be done.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Arguments of `lakectl table upsert`.
#[derive(Debug, clap::Args)]
struct Upsert {
    /// The table, as namespace.name.
    table: String,
    /// A `.csv`, `.tsv`, `.ndjson`, `.jsonl` or `.parquet` file.
    file: PathBuf,
    /// The columns that name a row.
    #[arg(long, value_name = "COLUMNS")]
    key: String,
    /// Report rows that do not fit and take the others; without it, one such row stops everything.
    #[arg(long)]
    skip_errors: bool,
    /// Read and check everything, write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Makes a repetition of this very command harmless.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let session = args.connection.open()?;
    let (catalogd, ctx) = (session.peers.catalogd(), session.call(PATIENCE));
    match &args.command {
        Command::List => {
            let list = catalogd.tables(&ctx).await?;
            if as_json {
                return output::json(&list);
            }
            let rows = list.tables.into_iter().map(row).collect();
            output::line(
                output::table(&["table", "rows", "columns", "snapshot", "problem"], rows, &[1, 2])
                    .to_string(),
            )
        }
        Command::Upsert(args) => upsert(&session, args, as_json).await,
        Command::Delete { table, condition, keys, dry_run } => {
            let condition = condition.as_deref().map(serde_json::from_str).transpose();
            let keys = keys.as_deref().map(serde_json::from_str).transpose();
            let request = DeleteRows {
                condition: condition.context("--where is not JSON")?,
                keys: keys.context("--keys is no JSON list of objects")?,
                dry_run: *dry_run,
            };
            let done = session.peers.ingestd().delete_rows(&ctx, table, &request).await?;
            if as_json {
                return output::json(&done);
            }
            let (rows, files, would) = (done.rows_deleted, done.files_rewritten, would(*dry_run));
            output::line(format!("{table}: {rows} rows {would} deleted, from {files} files"))
        }
        Command::Compact { table, target_file_bytes, min_files, dry_run } => {
            let request = CompactTable {
                target_file_bytes: *target_file_bytes,
                min_files: *min_files,
                dry_run: *dry_run,
            };
            let done = catalogd.compact(&ctx, table, &request).await?;
            if as_json {
                return output::json(&done);
            }
            let before = format!("{} files of {}", done.files_before, HumanBytes(done.bytes_before));
            match (done.files_after, done.bytes_after) {
                (Some(files), Some(bytes)) => {
                    output::line(format!("{table}: {before} became {files} of {}", HumanBytes(bytes)))
                }
                _ if done.files_before == 0 => output::line(format!("{table}: nothing to compact")),
                _ => output::line(format!("{table}: {before} would be rewritten")),
            }
        }
        Command::ExpireSnapshots { table, older_than_days, retain_last, dry_run } => {
            let (older_than_s, retain_last) = (seconds(*older_than_days), *retain_last);
            let request = ExpireSnapshots { older_than_s, retain_last, dry_run: *dry_run };
            let done = catalogd.expire_snapshots(&ctx, table, &request).await?;
            if as_json {
                return output::json(&done);
            }
            let (snapshots, would) = (done.snapshot_ids.len(), would(*dry_run));
            output::line(format!(
                "{table}: {snapshots} snapshots {would} removed, and {} files",
                done.file_count
            ))
        }
        Command::RemoveOrphans { table, older_than_days, dry_run } => {
            let request = RemoveOrphans { older_than_s: seconds(*older_than_days), dry_run: *dry_run };
            let done = catalogd.remove_orphans(&ctx, table, &request).await?;
            if as_json {
                return output::json(&done);
            }
            let (size, would) = (HumanBytes(done.size_bytes), would(*dry_run));
            output::line(format!("{table}: {} files of {size} {would} deleted", done.file_count))?;
            done.files.iter().try_for_each(output::line)
        }
    }
}

async fn upsert(session: &Session, args: &Upsert, as_json: bool) -> anyhow::Result<()> {
    let params = UpsertParams {
        key: args.key.clone(),
        format: Some(format_of(&args.file)?),
        on_error: if args.skip_errors { OnError::Skip } else { OnError::Abort },
        max_errors: None,
        dry_run: args.dry_run,
    };
    let file = tokio::fs::read(&args.file).await.with_context(|| format!("read {}", args.file.display()))?;
    let (ingestd, ctx) = (session.peers.ingestd(), session.call(PATIENCE));
    let (media_type, key) = ("application/octet-stream", args.idempotency_key.as_deref());
    let done = ingestd.upsert(&ctx, &args.table, &params, media_type, file, key).await?;
    if as_json {
        return output::json(&done);
    }
    let UpsertAnswer { table, rows_read, rows_inserted, rows_updated, rows_rejected, .. } = &done;
    let would = would(args.dry_run);
    output::line(format!(
        "{table}: of {rows_read} rows {rows_inserted} {would} inserted, {rows_updated} updated, {rows_rejected} rejected"
    ))?;
    show_rejects(&done.rejects)
}

fn row(table: TableInfo) -> Vec<String> {
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let rows = table.rows.map(|rows| rows.to_string()).unwrap_or_default();
    let columns = table.columns.len().to_string();
    vec![table.name, rows, columns, number(table.snapshot_id), table.error.unwrap_or_default()]
}

fn would(is_dry_run: bool) -> &'static str {
    if is_dry_run { "would be" } else { "were" }
}

fn seconds(days: Option<f64>) -> Option<u64> {
    days.map(|days| (days.max(0.0) * SECONDS_PER_DAY) as u64)
}
