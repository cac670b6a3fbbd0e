//! `lakectl index`: a table into a vector index, with a progress bar.

use std::pin::pin;
use std::time::Duration;

use anyhow::bail;
use futures::StreamExt;
use indicatif::ProgressBar;
use wire::ingest::{IndexJob, IndexJobRequest, IndexJobState};

use crate::output;
use crate::session::{Connection, Session};

const PATIENCE: Duration = Duration::from_secs(30);
const RECONNECT_AFTER: Duration = Duration::from_millis(500);

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
    /// Keep the index up to date from now on: after every commit to the table.
    #[arg(long)]
    follow: bool,
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
        follow: args.follow,
    };
    let job = index(&args.connection.open()?, &request).await?;
    if as_json {
        return output::json(&job);
    }
    let IndexJob { job_id, table, index, added, updated, deleted, unchanged, .. } = job;
    output::line(format!(
        "{job_id}: {table} is in index {index}: {added} rows added, {updated} updated, {deleted} deleted, \
         {unchanged} unchanged"
    ))?;
    if args.follow {
        output::line(format!("It follows the table until `lakectl jobs cancel {job_id}`"))?;
    }
    Ok(())
}

/// Starts an index job and waits until the index is up to date, with a bar on standard error.
pub(crate) async fn index(session: &Session, request: &IndexJobRequest) -> anyhow::Result<IndexJob> {
    let ingestd = session.peers.ingestd();
    let job_id = ingestd.submit_index_job(&session.call(PATIENCE), request).await?.job_id;
    let bar = output::bar(0, "rows");
    loop {
        let mut events = pin!(ingestd.index_job_events(&session.call(PATIENCE), &job_id).await?);
        while let Some(Ok(job)) = events.next().await {
            bar.set_length(job.total);
            bar.set_position(job.done);
            match job.state {
                IndexJobState::Queued | IndexJobState::Running => {}
                IndexJobState::Following if job.error.is_none() => return Ok(finished(&bar, job)),
                IndexJobState::Succeeded => return Ok(finished(&bar, job)),
                IndexJobState::Following | IndexJobState::Failed | IndexJobState::Cancelled => {
                    bar.abandon();
                    bail!("index job {job_id} is {:?}: {}", job.state, job.error.unwrap_or_default());
                }
            }
        }
        // The stream broke off, and the job goes on: ingestd may be starting again.
        tokio::time::sleep(RECONNECT_AFTER).await;
    }
}

fn finished(bar: &ProgressBar, job: IndexJob) -> IndexJob {
    bar.finish_and_clear();
    job
}
