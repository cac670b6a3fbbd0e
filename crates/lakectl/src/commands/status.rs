//! `lakectl status`: the state of every daemon.

use std::time::Duration;

use anyhow::bail;
use client::{PeerUrls, Peers};
use comfy_table::Table;
use wire::CallContext;
use wire::health::{DaemonState, DaemonStatus, Overall, Status};

use crate::output;
use crate::session::operator_token;

const PATIENCE: Duration = Duration::from_secs(2);

/// Arguments of `lakectl status`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lakectl status\n  lakectl status --port-offset 100 --json | jq .status\n\n\
                        Exits with 1 unless every daemon is ok."
)]
pub struct Args {
    /// What was added to every port when the stack was started.
    #[arg(long, default_value_t = 0)]
    port_offset: u16,
}

/// Asks each daemon itself, so that the answer does not depend on the gateway.
pub(crate) async fn run(args: &Args, as_json: bool) -> anyhow::Result<()> {
    let status = ask(args.port_offset).await?;
    if as_json {
        output::json(&status)?;
    } else {
        output::line(table(&status).to_string())?;
    }
    match status.status {
        Overall::Ok => Ok(()),
        Overall::Degraded => bail!("not every daemon is ok"),
    }
}

/// The state of the stack whose ports are `offset` above their defaults.
pub(crate) async fn ask(offset: u16) -> anyhow::Result<Status> {
    let peers = Peers::new(PeerUrls::on_loopback(offset))?;
    Ok(peers.status(&CallContext::root(PATIENCE).with_token(operator_token())).await)
}

/// One line a daemon: state, port, memory, requests and how long they took.
pub(crate) fn table(status: &Status) -> Table {
    let header = ["daemon", "state", "port", "RSS", "requests", "p50", "p99", "up", "remarks"];
    output::table(&header, status.daemons.iter().map(row).collect(), &[2, 3, 4, 5, 6, 7])
}

fn row(daemon: &DaemonStatus) -> Vec<String> {
    let state = match daemon.status {
        DaemonState::Ok => "ok",
        DaemonState::Degraded => "degraded",
        DaemonState::Starting => "starting",
        DaemonState::Down => "down",
    };
    let millis = |ms: Option<f64>| ms.map_or_else(String::new, |ms| format!("{ms:.1} ms"));
    vec![
        daemon.name.to_string(),
        state.to_owned(),
        daemon.url.rsplit(':').next().unwrap_or_default().to_owned(),
        daemon.rss_bytes.map_or_else(String::new, output::megabytes),
        daemon.requests.map_or_else(String::new, |count| count.to_string()),
        millis(daemon.p50_ms),
        millis(daemon.p99_ms),
        daemon.uptime_s.map_or_else(String::new, |seconds| format!("{seconds} s")),
        daemon.reasons.join("; "),
    ]
}
