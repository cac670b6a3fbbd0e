//! A real `vectord`, on a free port and a folder of its own.

use std::env;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use wire::vectors::{IndexInfo, IndexStatus};

use crate::http::Client;
use crate::procfs;

/// How long it may take until it is ready, or has indexed everything.
const PATIENCE: Duration = Duration::from_secs(1800);
const READY_POLL: Duration = Duration::from_millis(2);
const IDLE_POLL: Duration = Duration::from_millis(100);
/// How long the background must have been quiet to count as idle.
const IDLE_FOR: Duration = Duration::from_secs(1);

/// Whether an environment variable would configure the daemon: what is measured are its defaults.
fn is_setting(name: &str) -> bool {
    name.strip_prefix("LAKEHOUSE_")
        .is_some_and(|rest| rest.contains("__") || matches!(rest, "DATA" | "CONFIG"))
}

/// A running daemon. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    address: SocketAddr,
    /// From the start of the process until it said that it was ready.
    pub(crate) ready_after: Duration,
}

impl Daemon {
    /// Starts `program` with its data, its log and its listen file in `folder`; waits until it is ready.
    pub(crate) fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let listen_file = folder.join("vectord.addr");
        if listen_file.exists() {
            fs::remove_file(&listen_file)?;
        }
        let log_file = folder.join("vectord.log");
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1:0"]).arg("--data").arg(folder);
        command.arg("--listen-file").arg(&listen_file).stdin(Stdio::null());
        for (name, _) in env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.stdout(Stdio::null()).stderr(File::options().create(true).append(true).open(&log_file)?);
        let started = Instant::now();
        let child = command.spawn().with_context(|| {
            format!("start {}; `make prove-vectors` builds it, --vectord names another", program.display())
        })?;
        let mut daemon =
            Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: Duration::ZERO };
        let show_log = || format!("its log:\n{}", fs::read_to_string(&log_file).unwrap_or_default());
        daemon.wait_until_ready(&listen_file, started).with_context(show_log)?;
        Ok(daemon)
    }

    fn wait_until_ready(&mut self, listen_file: &PathBuf, started: Instant) -> anyhow::Result<()> {
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("vectord ended at its start: {status}");
            }
            if let Ok(address) = fs::read_to_string(listen_file) {
                self.address = address.trim().parse().context("what is in the listen file is no address")?;
                if self.client()?.status("/readyz")? == 200 {
                    self.ready_after = started.elapsed();
                    return Ok(());
                }
            }
            thread::sleep(READY_POLL);
        }
        bail!("vectord is not ready after {} s", PATIENCE.as_secs())
    }

    /// The process, as `/proc` knows it.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.address)
    }

    /// How an index is doing.
    pub(crate) fn info(&self, index: &str) -> anyhow::Result<IndexInfo> {
        self.client()?.get(&format!("/vectors/index/{index}"))
    }

    /// Waits until nothing has been built in the background for a while.
    pub(crate) fn wait_until_idle(&self, index: &str) -> anyhow::Result<IndexInfo> {
        let started = Instant::now();
        let mut idle_since = Instant::now();
        loop {
            let info = self.info(index)?;
            if info.status == IndexStatus::Building {
                idle_since = Instant::now();
            } else if idle_since.elapsed() >= IDLE_FOR {
                return Ok(info);
            }
            ensure!(started.elapsed() < PATIENCE, "{index} is still being built: {info:?}");
            thread::sleep(IDLE_POLL);
        }
    }

    /// CPU time that it has taken since its start, seconds.
    pub(crate) fn cpu_s(&self) -> anyhow::Result<f64> {
        procfs::cpu_s(self.pid())
    }

    /// SIGTERM, then waits for the end.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("SIGTERM")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "vectord ended with {status} after SIGTERM");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
