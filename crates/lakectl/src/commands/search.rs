//! `lakectl search`: by meaning.

use std::time::Duration;

use anyhow::Context;
use comfy_table::Table;
use wire::matrix::{Hit, SearchRequest};

use crate::output;
use crate::session::Connection;

const PATIENCE: Duration = Duration::from_secs(30);

/// Arguments of `lakectl search`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lakectl search 'forklift operator, night shift, Houston'\n  \
                        lakectl search 'welder' --filter '{\"years\":{\"gte\":5}}' --playbook --role Welder")]
pub struct Args {
    /// What to look for, in words.
    query: String,
    /// The corpora to search.
    #[arg(long, value_delimiter = ',', default_value = "workers")]
    corpora: Vec<String>,
    /// How many results.
    #[arg(short, default_value_t = 10)]
    k: usize,
    /// A filter on metadata, as JSON.
    #[arg(long)]
    filter: Option<String>,
    /// Ids that must not come back.
    #[arg(long, value_delimiter = ',')]
    exclude: Vec<String>,
    /// Let recorded outcomes move the results.
    #[arg(long)]
    playbook: bool,
    /// Whose recorded outcomes.
    #[arg(long)]
    role: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let filter =
        args.filter.as_deref().map(serde_json::from_str).transpose().context("--filter is not JSON")?;
    let request = SearchRequest {
        query_text: Some(args.query.clone()),
        corpora: args.corpora.clone(),
        k: args.k,
        filter,
        exclude_ids: args.exclude.clone(),
        use_playbook: args.playbook,
        role: args.role.clone(),
        ..SearchRequest::default()
    };
    let session = args.connection.open()?;
    let answer = session.peers.matrixd().search(&session.call(PATIENCE), &request).await?;
    if as_json {
        return output::json(&answer);
    }
    output::line(table(&answer.results).to_string())?;
    output::line(format!(
        "{:.1} ms, {} boosted, {} injected",
        answer.took_ms, answer.boosted, answer.injected
    ))
}

/// One line a hit: distance, what moved it, and who it is.
pub(crate) fn table(hits: &[Hit]) -> Table {
    let header = ["id", "distance", "moved by", "role", "area", "years", "shift"];
    output::table(&header, hits.iter().map(row).collect(), &[1, 5])
}

fn row(hit: &Hit) -> Vec<String> {
    let text = |key: &str| hit.metadata.get(key).as_ref().map(output::cell).unwrap_or_default();
    let moved = match (hit.boosted, hit.injected) {
        (true, _) => format!("boost, was {:.4}", hit.base_distance),
        (_, true) => format!("inject, was {:.4}", hit.base_distance),
        _ => String::new(),
    };
    vec![
        hit.id.clone(),
        format!("{:.4}", hit.distance),
        moved,
        text("role"),
        text("area"),
        text("years"),
        text("shift"),
    ]
}
