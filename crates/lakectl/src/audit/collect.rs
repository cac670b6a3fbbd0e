//! `lakectl audit collect`: all records, page by page, through the gateway.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use distillation::{About, Inputs, RunFolder, distil};
use serde::Serialize;
use serde_json::json;
use wire::observer::{self, EventsQuery};
use wire::pathways::{self, ListQuery};
use wire::playbooks::{ListPlaybooks, MAX_PAGE};

use super::{KnowledgeBase, git_commit, replay};
use crate::output;
use crate::session::{Connection, Session};

/// The deadline of one page.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `lakectl audit collect`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    kb: KnowledgeBase,
    #[command(flatten)]
    connection: Connection,
}

pub(super) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let session = args.connection.open()?;
    let folder = collect(&session, &args.connection.gateway, &args.kb.folder).await?;
    let (summary, receipt) = (folder.summary()?, folder.receipt()?);
    if as_json {
        let path = folder.path();
        return output::json(&json!({"run": path, "collect": summary.collect, "metrics": receipt.metrics}));
    }
    let rows = receipt.metrics.iter().map(|(name, count)| vec![name.to_owned(), shown(count)]).collect();
    output::line(output::table(&["metric", "count"], rows, &[1]).to_string())?;
    output::line(format!(
        "{} records read; the run is {}",
        summary.collect.records_in,
        folder.path().display()
    ))
}

pub(super) fn shown(count: Option<u64>) -> String {
    count.map_or_else(String::new, |count| count.to_string())
}

/// Makes a run of what the stack keeps now.
pub(super) async fn collect(session: &Session, gateway: &str, kb: &Path) -> anyhow::Result<RunFolder> {
    let time = jiff::Timestamp::now();
    let mut inputs = Inputs {
        events: events(session).await.context("read events")?,
        pathways: pathways(session).await.context("read pathways")?,
        playbooks: playbooks(session).await.context("read playbooks")?,
        searches: Vec::new(),
    };
    // Evidence first: nothing personal is searched for.
    let evidence = distil(inputs.clone())?.evidence;
    inputs.searches = lines(&replay::record(session, &evidence).await.context("record searches")?)?;
    let run = distil(inputs)?;
    let about = About { time, gateway: Some(gateway.to_owned()), git_commit: git_commit() };
    RunFolder::create(kb, &run, about).context("keep the run")
}

async fn events(session: &Session) -> anyhow::Result<Vec<String>> {
    let (mut events, mut after) = (Vec::new(), None);
    loop {
        let query = EventsQuery { kind: None, after, limit: Some(observer::MAX_LIMIT) };
        let page = session.peers.observerd().events(&session.call(PATIENCE), &query).await?;
        if page.events.is_empty() || page.next.is_none() {
            return Ok(events);
        }
        events.extend(lines(&page.events)?);
        after = page.next;
    }
}

async fn pathways(session: &Session) -> anyhow::Result<Vec<String>> {
    let (mut pathways, mut after) = (Vec::new(), None);
    loop {
        let query = ListQuery { after, limit: Some(pathways::MAX_LIMIT), ..ListQuery::default() };
        let page = session.peers.pathwayd().list(&session.call(PATIENCE), &query).await?;
        pathways.extend(lines(&page.pathways)?);
        if page.next.is_none() {
            return Ok(pathways);
        }
        after = page.next;
    }
}

async fn playbooks(session: &Session) -> anyhow::Result<Vec<String>> {
    let (mut playbooks, mut after) = (Vec::new(), None);
    loop {
        let query = ListPlaybooks { after, limit: Some(MAX_PAGE), ..ListPlaybooks::default() };
        let page = session.peers.matrixd().playbooks(&session.call(PATIENCE), &query).await?;
        playbooks.extend(lines(&page.playbooks)?);
        if page.next.is_none() {
            return Ok(playbooks);
        }
        after = page.next;
    }
}

fn lines<T: Serialize>(records: &[T]) -> anyhow::Result<Vec<String>> {
    Ok(records.iter().map(serde_json::to_string).collect::<Result<_, _>>()?)
}
