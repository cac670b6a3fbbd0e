//! `lakectl playbooks`: look after what was learned.

use std::time::Duration;

use clap::Subcommand;
use wire::matrix::ListPlaybooks;

use crate::output;
use crate::session::Connection;

const PATIENCE: Duration = Duration::from_secs(3600);

/// Arguments of `lakectl playbooks`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show recorded outcomes.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Fill the index `playbook_memory` again from the durable log, for example after it was dropped.
    Rebuild,
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let session = args.connection.open()?;
    let (matrixd, ctx) = (session.peers.matrixd(), session.call(PATIENCE));
    match args.command {
        Command::List { limit } => {
            let page = ListPlaybooks { limit: Some(limit), after: None };
            let list = matrixd.playbooks(&ctx, &page).await?;
            if as_json {
                return output::json(&list);
            }
            let rows = list.playbooks.into_iter().map(|playbook| {
                let role = playbook.role.unwrap_or_default();
                vec![
                    playbook.query_text,
                    playbook.corpus,
                    playbook.answer_id,
                    playbook.score.to_string(),
                    role,
                ]
            });
            let header = ["query", "corpus", "answer", "score", "role"];
            output::line(output::table(&header, rows.collect(), &[3]).to_string())
        }
        Command::Rebuild => {
            let done = matrixd.rebuild(&ctx).await?;
            if as_json {
                return output::json(&done);
            }
            output::line(format!(
                "{} recordings are in the index again, {} passed over",
                done.indexed, done.skipped
            ))
        }
    }
}
