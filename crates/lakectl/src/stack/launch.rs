//! Starting eleven processes, and stopping them again.

use std::env;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use client::PeerUrls;
use wire::DaemonName;
use wire::health::{DaemonState, Status};
use wire::names::S3_PORT;

use super::record::Record;
use super::{POLL_INTERVAL, START_PATIENCE};
use crate::commands::status;

/// How many lines of a log are shown when its daemon does not start.
const LOG_TAIL_LINES: usize = 8;

/// What to start, and where.
#[derive(Debug)]
pub struct Launch {
    binaries: PathBuf,
    data: PathBuf,
    config: Option<PathBuf>,
    port_offset: u16,
}

impl Launch {
    /// Daemons from the folder of this very program, with their data below `data`.
    ///
    /// # Errors
    /// When one of them is not there.
    pub fn new(data: &Path, config: Option<&Path>, port_offset: u16) -> anyhow::Result<Self> {
        let binaries = env::current_exe()?.parent().context("the folder of lakectl")?.to_owned();
        let missing: Vec<&str> = DaemonName::ALL
            .iter()
            .map(|daemon| daemon.as_str())
            .filter(|name| !binaries.join(name).exists())
            .collect();
        if !missing.is_empty() {
            bail!("{} not found in {}; build with `make build`", missing.join(", "), binaries.display());
        }
        let data = std::path::absolute(data)?;
        Ok(Self { binaries, data, config: config.map(Path::to_owned), port_offset })
    }

    /// Where the daemons log.
    pub fn logs(&self) -> PathBuf {
        self.data.join("log")
    }

    /// Starts all eleven and waits until each is ready.
    ///
    /// # Errors
    /// When they run already, a port is taken, or one of them ends or is not ready in time; the text has its log.
    pub async fn start(&self) -> anyhow::Result<Running> {
        self.refuse_twice()?;
        fs::create_dir_all(self.logs()).with_context(|| format!("create {}", self.logs().display()))?;
        let mut running = Running { children: Vec::new(), is_left_running: false };
        for daemon in DaemonName::ALL {
            self.start_one(daemon, &mut running)?;
        }
        self.wait_until_ready(&mut running).await?;
        Ok(running)
    }

    fn start_one(&self, daemon: DaemonName, running: &mut Running) -> anyhow::Result<()> {
        let child = self.spawn(daemon).with_context(|| format!("start {daemon}"))?;
        let record = Record::of(daemon, child.id());
        running.children.push((daemon, child));
        record?.save(&self.data)
    }

    /// Starts a daemon again that was [killed](Running::kill); whether it is ready, its `/readyz` says.
    ///
    /// # Errors
    /// When it runs still, or its program cannot be started.
    pub fn restart(&self, daemon: DaemonName, running: &mut Running) -> anyhow::Result<()> {
        if running.children.iter().any(|(name, _)| *name == daemon) {
            bail!("{daemon} runs still");
        }
        self.start_one(daemon, running)
    }

    /// Whether a daemon that was started on this folder lives.
    ///
    /// # Errors
    /// When the records of earlier starts cannot be read.
    pub fn is_running(&self) -> anyhow::Result<bool> {
        Ok(Record::all(&self.data)?.iter().any(Record::is_alive))
    }

    fn refuse_twice(&self) -> anyhow::Result<()> {
        if let Some(record) = Record::all(&self.data)?.iter().find(|record| record.is_alive()) {
            let data = self.data.display();
            bail!("{} runs already on {data}; stop it with `lakectl down --data {data}`", record.daemon);
        }
        for daemon in DaemonName::ALL {
            let port = self.port(daemon)?;
            if TcpListener::bind(("127.0.0.1", port)).is_err() {
                bail!("port {port} of {daemon} is taken; choose another with --port-offset");
            }
        }
        let s3 = self.s3_port()?;
        if TcpListener::bind(("127.0.0.1", s3)).is_err() {
            bail!("port {s3} of storaged's S3 face is taken; choose another with --port-offset");
        }
        Ok(())
    }

    fn s3_port(&self) -> anyhow::Result<u16> {
        S3_PORT.checked_add(self.port_offset).context("--port-offset is too large")
    }

    fn port(&self, daemon: DaemonName) -> anyhow::Result<u16> {
        daemon.port().checked_add(self.port_offset).context("--port-offset is too large")
    }

    fn spawn(&self, daemon: DaemonName) -> anyhow::Result<Child> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.logs().join(format!("{daemon}.log")))
            .context("open its log")?;
        let urls = PeerUrls::on_loopback(self.port_offset);
        let mut command = Command::new(self.binaries.join(daemon.as_str()));
        command.arg("--data").arg(&self.data);
        command.arg("--bind").arg(format!("127.0.0.1:{}", self.port(daemon)?));
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
        for peer in DaemonName::ALL {
            command.env(format!("LAKEHOUSE_PEERS__{}", peer.as_str().to_uppercase()), urls.url(peer));
        }
        if self.port_offset > 0 {
            let s3 = format!("127.0.0.1:{}", self.s3_port()?);
            command.env("LAKEHOUSE_CATALOGD__S3_ENDPOINT", format!("http://{s3}"));
            command.env("LAKEHOUSE_STORAGED__S3__BIND", s3);
        }
        // A group of its own: Ctrl-C in the terminal reaches `lakectl`, which stops the daemons in order.
        command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command.spawn()?)
    }

    async fn wait_until_ready(&self, running: &mut Running) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if let Some(ended) = running.ended() {
                bail!("{ended}; the end of its log:\n{}", self.log_tail(ended.daemon));
            }
            let status = status::ask(self.port_offset).await?;
            let waiting = not_ready(&status);
            if waiting.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("not ready after {} s: {}", START_PATIENCE.as_secs(), waiting.join("; "));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn log_tail(&self, daemon: DaemonName) -> String {
        let log = fs::read_to_string(self.logs().join(format!("{daemon}.log"))).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

fn not_ready(status: &Status) -> Vec<String> {
    let is_waiting = |state| matches!(state, DaemonState::Down | DaemonState::Starting);
    let waiting = status.daemons.iter().filter(|daemon| is_waiting(daemon.status));
    waiting.map(|daemon| format!("{}: {}", daemon.name, daemon.reasons.join(", "))).collect()
}

/// A daemon that ended by itself.
#[derive(Debug)]
pub struct Ended {
    daemon: DaemonName,
    how: String,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ended by itself ({})", self.daemon, self.how)
    }
}

/// Daemons that were started; stopped when dropped, unless left running.
#[derive(Debug)]
pub struct Running {
    children: Vec<(DaemonName, Child)>,
    is_left_running: bool,
}

impl Running {
    /// Lets the daemons outlive this program.
    pub fn leave_running(&mut self) {
        self.is_left_running = true;
    }

    /// Resolves when a daemon ends by itself.
    pub async fn first_to_end(&mut self) -> Ended {
        loop {
            if let Some(ended) = self.ended() {
                return ended;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn ended(&mut self) -> Option<Ended> {
        self.children.iter_mut().find_map(|(daemon, child)| {
            let status = child.try_wait().ok()??;
            Some(Ended { daemon: *daemon, how: status.to_string() })
        })
    }

    /// SIGKILL, as the kernel does it when memory runs out; returns when the process is gone and its port free.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self, daemon: DaemonName) -> anyhow::Result<()> {
        let position = self.children.iter().position(|(name, _)| *name == daemon);
        let (_, mut child) =
            self.children.remove(position.with_context(|| format!("{daemon} does not run"))?);
        child.kill().with_context(|| format!("kill {daemon}"))?;
        child.wait().with_context(|| format!("wait for {daemon}"))?;
        Ok(())
    }

    /// Asks every daemon to stop and waits for each.
    ///
    /// # Errors
    /// When one of them cannot be asked or waited for.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        for (daemon, child) in &self.children {
            if let Ok(record) = Record::of(*daemon, child.id()) {
                record.terminate()?;
            }
        }
        for (daemon, child) in &mut self.children {
            child.wait().with_context(|| format!("wait for {daemon}"))?;
        }
        self.is_left_running = true;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_left_running {
            // Already on the way out because of another error, which is the one to report.
            drop(self.stop());
        }
    }
}
