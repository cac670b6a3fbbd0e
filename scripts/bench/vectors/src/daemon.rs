//! A real `vectord`, on a free port and a folder of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bench_kit::daemon;
use bench_kit::http::Client;
use wire::vectors::{IndexInfo, IndexStatus};

use bench_kit::procfs;

/// How long it may take until it has indexed everything.
const PATIENCE: Duration = Duration::from_secs(1800);
const IDLE_POLL: Duration = Duration::from_millis(100);
/// How long the background must have been quiet to count as idle.
const IDLE_FOR: Duration = Duration::from_secs(1);
/// None: what is measured are its defaults.
const SETTINGS: [(&str, &str); 0] = [];

/// A running daemon. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    process: daemon::Daemon,
    /// From the start of the process until it said that it was ready.
    pub(crate) ready_after: Duration,
}

impl Daemon {
    /// Starts `program` with its data, its log and its listen file in `folder`; waits until it is ready.
    pub(crate) fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let process = daemon::Daemon::start(program, folder, SETTINGS)?;
        Ok(Self { ready_after: process.ready_after, process })
    }

    /// The process, as `/proc` knows it.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        self.process.client()
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
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.process.stop()
    }
}
