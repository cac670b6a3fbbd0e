//! `lakectl index`: a table into a vector index, with a progress bar.

use std::time::Duration;

use anyhow::bail;
use wire::ingest::{IndexJob, IndexJobRequest, IndexJobState};

use crate::output;
use crate::session::{Connection, Session};

const PATIENCE: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// Arguments of `lakectl index`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lakectl index staffing.workers --id worker_id --index workers \
                        --text '{role} in {area}. Skills: {skills}.' --metadata role,area,state,years,shift")]
pub struct Args {
    /// The table, `namespace.name`.
    table: String,
    /// The column that holds the id of each row.
    #[arg(long, value_name = "COLUMN")]
    id: String,
    /// What is embedded of a row, with columns in braces.
    #[arg(long, value_name = "TEMPLATE")]
    text: String,
    /// Columns that filters can use and answers show.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    metadata: Vec<String>,
    /// The index to fill.
    #[arg(long)]
    index: String,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let request = IndexJobRequest {
        table: args.table.clone(),
        id_column: args.id.clone(),
        text_template: args.text.clone(),
        metadata_columns: args.metadata.clone(),
        index: args.index.clone(),
    };
    let job = index(&args.connection.open()?, &request).await?;
    if as_json {
        return output::json(&job);
    }
    output::line(format!("{}: {} rows of {} are in index {}", job.job_id, job.done, job.table, job.index))
}

/// Starts an index job and waits for its end, with a bar on standard error.
pub(crate) async fn index(session: &Session, request: &IndexJobRequest) -> anyhow::Result<IndexJob> {
    let ingestd = session.peers.ingestd();
    let job_id = ingestd.submit_index_job(&session.call(PATIENCE), request).await?.job_id;
    let bar = output::bar(0, "rows");
    loop {
        let job = ingestd.index_job(&session.call(PATIENCE), &job_id).await?;
        bar.set_length(job.total);
        bar.set_position(job.done);
        match job.state {
            IndexJobState::Queued | IndexJobState::Running => tokio::time::sleep(POLL_INTERVAL).await,
            IndexJobState::Succeeded => {
                bar.finish_and_clear();
                return Ok(job);
            }
            IndexJobState::Failed => {
                bar.abandon();
                bail!("index job {job_id} failed: {}", job.error.unwrap_or_default());
            }
        }
    }
}
