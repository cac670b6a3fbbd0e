//! `lakectl playbooks`: look after what was learned.

mod evaluate;
mod judged;
mod transfer;

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use uuid::Uuid;
use wire::playbooks::{ListPlaybooks, Playbook};

use crate::output;
use crate::session::{Connection, Session};

/// What is asked for in few words and may take long.
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
    /// Show recorded outcomes, the oldest first.
    List {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Only those for this role.
        #[arg(long)]
        role: Option<String>,
        /// Only those with this tag.
        #[arg(long)]
        tag: Option<String>,
        /// Begin after this one: what the page before named last.
        #[arg(long, value_name = "ID")]
        after: Option<Uuid>,
    },
    /// Show one recording.
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Delete a recording: it moves no search any more. The history of pathwayd keeps it.
    Delete {
        /// Its id.
        id: Uuid,
    },
    /// Write every recording as NDJSON, which `import` takes.
    Export {
        /// The file; standard output if absent.
        file: Option<PathBuf>,
    },
    /// Record every line of an NDJSON file; the same line again is recorded once.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Measure whether playbooks help the searches of a judged set, and whether they harm any.
    Evaluate(evaluate::Args),
    /// Fill the index `playbook_memory` again from the durable log, for example after it was dropped.
    Rebuild,
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let session = args.connection.open()?;
    match &args.command {
        Command::List { limit, role, tag, after } => {
            let page =
                ListPlaybooks { limit: Some(*limit), after: *after, role: role.clone(), tag: tag.clone() };
            list(&session, &page, as_json).await
        }
        Command::Show { id } => {
            let playbook = session.peers.matrixd().playbook(&session.call(PATIENCE), *id).await?;
            if as_json { output::json(&playbook) } else { show(vec![playbook]) }
        }
        Command::Delete { id } => delete(&session, *id, as_json).await,
        Command::Export { file } => transfer::export(&session, file.as_deref()).await,
        Command::Import { file } => transfer::import(&session, file, as_json).await,
        Command::Evaluate(args) => evaluate::run(&session, args, as_json).await,
        Command::Rebuild => rebuild(&session, as_json).await,
    }
}

async fn list(session: &Session, page: &ListPlaybooks, as_json: bool) -> anyhow::Result<()> {
    let list = session.peers.matrixd().playbooks(&session.call(PATIENCE), page).await?;
    if as_json {
        return output::json(&list);
    }
    show(list.playbooks)?;
    match list.next {
        Some(next) => output::line(format!("There are more: --after {next}")),
        None => Ok(()),
    }
}

fn show(playbooks: Vec<Playbook>) -> anyhow::Result<()> {
    let row = |Playbook { playbook_id, recording }: Playbook| {
        let recorded_at = recording.recorded_at.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
        vec![
            playbook_id,
            recorded_at.unwrap_or_default(),
            recording.query_text,
            recording.corpus,
            recording.answer_id,
            recording.score.to_string(),
            recording.role.unwrap_or_default(),
            recording.tags.join(", "),
        ]
    };
    let header = ["id", "recorded (UTC)", "query", "corpus", "answer", "score", "role", "tags"];
    output::line(output::table(&header, playbooks.into_iter().map(row).collect(), &[5]).to_string())
}

async fn delete(session: &Session, id: Uuid, as_json: bool) -> anyhow::Result<()> {
    let is_settled = session.peers.matrixd().delete_playbook(&session.call(PATIENCE), id).await?;
    if as_json {
        return output::json(&serde_json::json!({ "playbook_id": id, "indexed": is_settled }));
    }
    let when = if is_settled { "" } else { "; searches will know once vectord answers" };
    output::line(format!("{id} is deleted{when}"))
}

async fn rebuild(session: &Session, as_json: bool) -> anyhow::Result<()> {
    let done = session.peers.matrixd().rebuild(&session.call(PATIENCE)).await?;
    if as_json {
        return output::json(&done);
    }
    output::line(format!("{} recordings are in the index again, {} passed over", done.indexed, done.skipped))
}
