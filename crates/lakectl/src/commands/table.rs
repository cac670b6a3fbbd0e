//! `lakectl table`: what tables there are, and what keeps them small and fast.

use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use indicatif::HumanBytes;
use wire::catalog::{CompactTable, ExpireSnapshots, RemoveOrphans, TableInfo};
use wire::ingest::DeleteRows;

use crate::output;
use crate::session::Connection;

const PATIENCE: Duration = Duration::from_secs(3600);
const SECONDS_PER_DAY: f64 = 86_400.0;

/// Arguments of `lakectl table`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lakectl table list\n  lakectl table compact hr.people --dry-run\n  \
                        lakectl table expire-snapshots hr.people --older-than-days 30 --retain-last 10\n  \
                        lakectl table remove-orphans hr.people --dry-run")]
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
    /// Delete rows. Older snapshots have them until they expire.
    Delete {
        /// The table, as namespace.name.
        table: String,
        /// Which rows, in the words of filters, as JSON; never empty.
        #[arg(long = "where", value_name = "JSON")]
        condition: String,
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
        Command::Delete { table, condition, dry_run } => {
            let condition = serde_json::from_str(condition).context("--where is not JSON")?;
            let request = DeleteRows { condition, dry_run: *dry_run };
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
