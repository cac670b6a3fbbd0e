//! `lakectl up` and `lakectl down`: the eleven daemons as processes of this machine.

mod launch;
mod record;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use wire::DaemonName;

use crate::commands::status;
use crate::output;

pub use launch::{Ended, Launch, Running};
use record::Record;

/// How long all daemons may take to become ready.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// How long a daemon may take to stop: longer than `service.drain_timeout_ms`, twice.
const STOP_PATIENCE: Duration = Duration::from_secs(25);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Arguments of `lakectl up`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lakectl up                        # in the foreground, data in ./var, Ctrl-C stops\n  \
                        lakectl up --data /srv/lake --detach\n  lakectl up --port-offset 100      # a second stack beside the first"
)]
pub struct UpArgs {
    /// Where all daemons keep their data and logs.
    #[arg(long, env = "LAKEHOUSE_DATA", default_value = "./var", value_name = "DIR")]
    data: PathBuf,
    /// Configuration file.
    #[arg(long, env = "LAKEHOUSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Added to every port.
    #[arg(long, default_value_t = 0)]
    port_offset: u16,
    /// Return once all are ready and leave them running.
    #[arg(long)]
    detach: bool,
}

/// Arguments of `lakectl down`.
#[derive(Debug, clap::Args)]
pub struct DownArgs {
    /// The folder that `up` was given.
    #[arg(long, env = "LAKEHOUSE_DATA", default_value = "./var", value_name = "DIR")]
    data: PathBuf,
}

/// Starts all eleven daemons and, unless detached, stays until Ctrl-C or until one of them ends.
pub(crate) async fn up(args: &UpArgs) -> anyhow::Result<()> {
    let launch = Launch::new(&args.data, args.config.as_deref(), args.port_offset)?;
    let mut stack = launch.start().await?;
    output::line(status::table(&status::ask(args.port_offset).await?).to_string())?;
    let gateway = DaemonName::Gateway.port() + args.port_offset;
    output::line(format!(
        "The gateway is at http://127.0.0.1:{gateway}; logs are in {}.",
        launch.logs().display()
    ))?;
    if args.detach {
        stack.leave_running();
        return output::line(format!("Stop with `lakectl down --data {}`.", args.data.display()));
    }
    output::line("Ctrl-C stops them all.")?;
    let ended = tokio::select! {
        _ = tokio::signal::ctrl_c() => None,
        ended = stack.first_to_end() => Some(ended),
    };
    stack.stop()?;
    match ended {
        None => Ok(()),
        Some(ended) => bail!("{ended}; the others were stopped; see {}", launch.logs().display()),
    }
}

/// Stops the daemons that `up` started on this data folder.
pub(crate) fn down(args: &DownArgs) -> anyhow::Result<()> {
    let records = Record::all(&args.data)?;
    let alive: Vec<&Record> = records.iter().filter(|record| record.is_alive()).collect();
    for record in &alive {
        record.terminate()?;
    }
    let deadline = Instant::now() + STOP_PATIENCE;
    for record in &alive {
        while record.is_alive() && Instant::now() < deadline {
            std::thread::sleep(POLL_INTERVAL);
        }
        if record.is_alive() {
            bail!(
                "{} (process {}) does not stop; look at its log, then `kill -9 {}`",
                record.daemon,
                record.pid,
                record.pid
            );
        }
    }
    for record in &records {
        record.forget(&args.data)?;
    }
    output::line(format!("{} daemons stopped", alive.len()))
}

/// Where `up` keeps what it needs to find its daemons again.
fn run_dir(data: &Path) -> anyhow::Result<PathBuf> {
    let dir = data.join("run");
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir)
}
