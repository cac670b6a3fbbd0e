//! `lakectl demo`: the main job on real data, from an empty folder to a search that has learned.

mod journal;
mod learning;
mod loading;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use client::{PeerUrls, Peers};
use models::{DEFAULT_MODEL, Registry, Source};
use serde_json::json;
use wire::{CallContext, DaemonName};

use crate::commands::status;
use crate::session::{Session, operator_token};
use crate::stack::Launch;
use journal::Journal;

/// The deadline of each call but ingest.
const PATIENCE: Duration = Duration::from_secs(60);
/// How far apart the ports of the stacks are that are tried in turn.
const OFFSET_STEP: u16 = 200;

/// Arguments of `lakectl demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lakectl demo\n  lakectl demo --workers 500 --json > demo.json\n  \
                        lakectl demo --keep     # leaves the stack running, to play with")]
pub struct Args {
    /// How many workers to generate, embed and index.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u64).range(50..=1_000_000))]
    workers: u64,
    /// The same seed gives the same workers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the daemons keep their data; a folder that is removed afterwards when absent.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Added to every port; the first free range when absent.
    #[arg(long)]
    port_offset: Option<u16>,
    /// Leave the stack running and its data in place.
    #[arg(long)]
    keep: bool,
}

/// What the steps work with.
struct Demo {
    /// Through the gateway.
    session: Session,
    /// Straight to each daemon, as an operator does who must.
    direct: Peers,
    /// Where the gateway is, for the curl lines.
    gateway: String,
    /// Where vectord is, for the curl line of the recovery.
    vectord: String,
    workers: u64,
    seed: u64,
}

impl Demo {
    fn new(args: &Args, port_offset: u16) -> anyhow::Result<Self> {
        let urls = PeerUrls::on_loopback(port_offset);
        let gateway = urls.url(DaemonName::Gateway);
        Ok(Self {
            session: Session { peers: Peers::new(PeerUrls::behind_gateway(&gateway))? },
            vectord: urls.url(DaemonName::Vectord),
            direct: Peers::new(urls)?,
            gateway,
            workers: args.workers,
            seed: args.seed,
        })
    }

    fn call(&self) -> CallContext {
        CallContext::root(PATIENCE).with_token(operator_token())
    }
}

pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let mut journal = Journal::new(as_json);
    let port_offset = args.port_offset.map_or_else(free_offset, Ok)?;
    let folder = args.data.clone().unwrap_or_else(|| temporary_folder(port_offset));
    if folder.join("run").exists() {
        bail!("{} holds data already; choose an empty folder for --data", folder.display());
    }
    fetch_model(&mut journal)?;
    let launch = Launch::new(&folder, None, port_offset)?;
    journal.step(
        "Start eleven daemons",
        &format!("lakectl up --data {} --port-offset {port_offset}", folder.display()),
    )?;
    let mut stack = launch.start().await?;
    journal.done(&json!({"daemons": DaemonName::ALL.len()}))?;

    let outcome = tell(args, port_offset, &mut journal).await;
    if args.keep {
        stack.leave_running();
        journal.say(&format!("The stack is running: lakectl down --data {}", folder.display()))?;
    } else {
        stack.stop()?;
        if args.data.is_none() {
            remove(&folder)?;
        }
    }
    outcome
}

/// The story itself; the stack is there, and is stopped by the caller however this ends.
async fn tell(args: &Args, port_offset: u16, journal: &mut Journal) -> anyhow::Result<()> {
    let demo = Demo::new(args, port_offset)?;
    loading::labour_market(&demo, journal).await?;
    loading::workers(&demo, journal).await?;
    loading::question(&demo, journal).await?;
    loading::index(&demo, journal).await?;
    learning::run(&demo, journal).await?;
    let status = status::ask(port_offset).await?;
    journal.step("How the eleven daemons did", &format!("curl {}/v1/status", demo.gateway))?;
    journal.table(&status::table(&status))?;
    journal.done(&json!({"status": status}))?;
    journal.finish()
}

fn fetch_model(journal: &mut Journal) -> anyhow::Result<()> {
    journal.step("Have the embedding model", &format!("lakectl models pull {DEFAULT_MODEL}"))?;
    let registry = Registry::built_in()?;
    let model = registry.find(DEFAULT_MODEL).context("the default model is built in")?;
    models::pull(model, &models::default_dir()?, &Source::default(), |_| {})
        .with_context(|| format!("fetch {DEFAULT_MODEL}"))?;
    journal.done(&json!({"models": [DEFAULT_MODEL]}))
}

/// The first offset at which all eleven ports are free: a demo must not disturb a stack that is running.
fn free_offset() -> anyhow::Result<u16> {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let offsets = (0..20).map(|n| n * OFFSET_STEP);
    offsets
        .into_iter()
        .find(|offset| DaemonName::ALL.iter().all(|daemon| is_free(daemon.port() + offset)))
        .context("no free range of ports was found; choose one with --port-offset")
}

fn temporary_folder(port_offset: u16) -> PathBuf {
    std::env::temp_dir().join(format!("lakehouse-demo-{}-{port_offset}", std::process::id()))
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    std::fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))
}
