//! `lakectl jobs`: the index jobs, and how to end one.

use std::time::Duration;

use clap::Subcommand;
use wire::ingest::{IndexJob, IndexJobState};

use crate::output;
use crate::session::Connection;

const PATIENCE: Duration = Duration::from_secs(30);

/// Arguments of `lakectl jobs`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lakectl jobs list\n  lakectl jobs list --all --json\n  lakectl jobs cancel 019be5…"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the index jobs that go on, newest first.
    List {
        /// Those that are over too.
        #[arg(long)]
        all: bool,
    },
    /// End an index job where it stands; what it has indexed stays.
    Cancel {
        /// As `list` shows it.
        job_id: String,
    },
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let session = args.connection.open()?;
    let (ingestd, ctx) = (session.peers.ingestd(), session.call(PATIENCE));
    match &args.command {
        Command::List { all } => {
            let mut list = ingestd.index_jobs(&ctx).await?;
            list.jobs.retain(|job| *all || !job.state.is_over());
            if as_json {
                return output::json(&list);
            }
            if list.jobs.is_empty() {
                return output::line("No index job goes on; --all shows those that are over.");
            }
            let header = ["job", "table", "index", "state", "done", "of", "rows/s", "behind", "why"];
            let rows = list.jobs.into_iter().map(row).collect();
            output::line(output::table(&header, rows, &[4, 5, 6, 7]).to_string())
        }
        Command::Cancel { job_id } => {
            ingestd.cancel_index_job(&ctx, job_id).await?;
            let job = ingestd.index_job(&ctx, job_id).await?;
            if as_json {
                return output::json(&job);
            }
            output::line(format!("{job_id} is {}; index {} stays as it is", word(job.state), job.index))
        }
    }
}

fn row(job: IndexJob) -> Vec<String> {
    let behind = job.lag_s.map(|seconds| format!("{seconds:.0} s")).unwrap_or_default();
    vec![
        job.job_id,
        job.table,
        job.index,
        word(job.state),
        job.done.to_string(),
        job.total.to_string(),
        format!("{:.0}", job.rate),
        behind,
        job.error.unwrap_or_default(),
    ]
}

fn word(state: IndexJobState) -> String {
    format!("{state:?}").to_lowercase()
}
