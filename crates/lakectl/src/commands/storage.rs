//! `lakectl storage`: what keeps the warehouse's store clean.

use std::time::Duration;

use clap::Subcommand;
use indicatif::HumanBytes;
use wire::storage::{CollectGarbage, UnfinishedUpload, UploadKind};

use crate::output;
use crate::session::Connection;

const PATIENCE: Duration = Duration::from_secs(600);
const SECONDS_PER_HOUR: f64 = 3600.0;

/// Arguments of `lakectl storage`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lakectl storage gc --dry-run\n  lakectl storage gc --older-than-hours 168\n\n\
                        Files of tables that nothing refers to are for `lakectl table remove-orphans`."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Delete what unfinished uploads have left: temporary files of puts, parts of S3 uploads.
    Gc {
        /// Younger ones stay, because they may be under way; 24 by default, at least 1.
        #[arg(long, value_name = "HOURS")]
        older_than_hours: Option<f64>,
        /// Say only what would be deleted.
        #[arg(long)]
        dry_run: bool,
    },
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let session = args.connection.open()?;
    let Command::Gc { older_than_hours, dry_run } = &args.command;
    let older_than_s = older_than_hours.map(|hours| (hours.max(0.0) * SECONDS_PER_HOUR) as u64);
    let request = CollectGarbage { older_than_s, dry_run: *dry_run };
    let done = session.peers.storaged().collect_garbage(&session.call(PATIENCE), &request).await?;
    if as_json {
        return output::json(&done);
    }
    let would = if *dry_run { "would be" } else { "were" };
    let (count, size) = (done.upload_count, HumanBytes(done.size_bytes));
    output::line(format!("{count} unfinished uploads of {size} {would} deleted"))?;
    done.uploads.iter().map(row).try_for_each(output::line)
}

fn row(upload: &UnfinishedUpload) -> String {
    let kind = match upload.kind {
        UploadKind::Put => "put",
        UploadKind::Multipart => "upload in parts",
    };
    let key = upload.key.as_deref().unwrap_or_default();
    format!("{kind} {} {} {key}", upload.id, HumanBytes(upload.size_bytes))
}
