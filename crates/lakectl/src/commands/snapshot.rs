//! `lakectl snapshot`: vector indexes to and from objects.

use std::time::Duration;

use clap::Subcommand;
use wire::snapshots::{RestoreSnapshot, TakeSnapshot};
use wire::storage::ListObjects;

use crate::output;
use crate::session::Connection;

const PATIENCE: Duration = Duration::from_secs(3600);

/// Arguments of `lakectl snapshot`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  lakectl snapshot take workers\n  lakectl snapshot list workers\n  \
                        lakectl snapshot restore workers --key snapshots/workers/20261125T180000Z.lhvec")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write an index to an object, while it serves.
    Take {
        /// The index.
        index: String,
        /// The object; by default one under snapshots/INDEX/ that is named after the time.
        #[arg(long)]
        key: Option<String>,
    },
    /// Make an index of such an object. An index of this name must be dropped first.
    Restore {
        /// The index.
        index: String,
        /// The object.
        #[arg(long)]
        key: String,
    },
    /// Show the snapshots of an index, the oldest first.
    List {
        /// The index.
        index: String,
    },
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let session = args.connection.open()?;
    let (vectord, ctx) = (session.peers.vectord(), session.call(PATIENCE));
    match &args.command {
        Command::Take { index, key } => {
            let taken = vectord.snapshot(&ctx, index, &TakeSnapshot { key: key.clone() }).await?;
            if as_json {
                return output::json(&taken);
            }
            let (count, bytes) = (taken.count, indicatif::HumanBytes(taken.bytes));
            output::line(format!("{}: {count} items of index {index}, {bytes}", taken.key))
        }
        Command::Restore { index, key } => {
            let info = vectord.restore(&ctx, index, &RestoreSnapshot { key: key.clone() }).await?;
            if as_json {
                return output::json(&info);
            }
            output::line(format!("index {index} has {} items, at version {}", info.count, info.version))
        }
        Command::List { index } => {
            let prefix = format!("snapshots/{index}/");
            let list = session
                .peers
                .storaged()
                .list(&ctx, &ListObjects { prefix, ..ListObjects::default() })
                .await?;
            if as_json {
                return output::json(&list);
            }
            let row = |object: wire::storage::ObjectInfo| {
                vec![object.key, indicatif::HumanBytes(object.size).to_string(), object.modified]
            };
            let rows = list.objects.into_iter().map(row).collect();
            output::line(output::table(&["key", "size", "written"], rows, &[1]).to_string())
        }
    }
}
