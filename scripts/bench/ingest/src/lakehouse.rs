//! A real catalogd and a real ingestd, on free ports and a folder of their own.

use std::env;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::cli::Tools;
use crate::http;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);

/// Both daemons; killed when this is dropped.
pub(crate) struct Lakehouse {
    _catalogd: Daemon,
    ingestd: Daemon,
}

impl Lakehouse {
    /// Starts both with their data in `folder`, and waits until they are ready.
    pub(crate) fn start(tools: &Tools, folder: &Path) -> anyhow::Result<Self> {
        let warehouse = format!("file://{}", folder.join("warehouse").display());
        let catalogd =
            Daemon::start(tools, "catalogd", folder, &[("LAKEHOUSE_LAKE__WAREHOUSE", &warehouse)])?;
        let url = format!("http://{}", catalogd.address);
        let settings = [("LAKEHOUSE_LAKE__WAREHOUSE", &warehouse), ("LAKEHOUSE_PEERS__CATALOGD", &url)];
        let ingestd = Daemon::start(tools, "ingestd", folder, &settings)?;
        Ok(Self { _catalogd: catalogd, ingestd })
    }

    /// Where ingestd listens.
    pub(crate) fn ingestd(&self) -> SocketAddr {
        self.ingestd.address
    }

    /// The most memory that ingestd has had so far: `VmHWM`, bytes.
    pub(crate) fn peak_rss_bytes(&self) -> anyhow::Result<u64> {
        let file = format!("/proc/{}/status", self.ingestd.child.id());
        let peak = bench_kit::machine::file_value(&file, "VmHWM").context("no VmHWM")?;
        let kibibytes: u64 = peak.trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }
}

struct Daemon {
    child: Child,
    address: SocketAddr,
}

/// Whether an environment variable would configure a daemon: what is measured are its defaults.
fn is_setting(name: &str) -> bool {
    name.strip_prefix("LAKEHOUSE_")
        .is_some_and(|rest| rest.contains("__") || matches!(rest, "DATA" | "CONFIG"))
}

impl Daemon {
    fn start(tools: &Tools, name: &str, folder: &Path, settings: &[(&str, &String)]) -> anyhow::Result<Self> {
        let listen_file = folder.join(format!("{name}.addr"));
        let log_file = folder.join(format!("{name}.log"));
        let mut command = Command::new(tools.binary(name)?);
        command.args(["--bind", "127.0.0.1:0"]).arg("--data").arg(folder);
        command.arg("--listen-file").arg(&listen_file).stdin(Stdio::null());
        for (name, _) in env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.envs(settings.iter().copied()).stdout(Stdio::null()).stderr(File::create(&log_file)?);
        let child = command.spawn().with_context(|| format!("start {name}"))?;
        let mut daemon = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let show_log =
            || format!("{name}, whose log is:\n{}", fs::read_to_string(&log_file).unwrap_or_default());
        daemon.wait_until_ready(&listen_file).with_context(show_log)?;
        Ok(daemon)
    }

    fn wait_until_ready(&mut self, listen_file: &Path) -> anyhow::Result<()> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended at its start: {status}");
            }
            if let Ok(address) = fs::read_to_string(listen_file) {
                self.address = address.trim().parse().context("what is in the listen file is no address")?;
                if http::status(self.address, "/readyz")? == 200 {
                    return Ok(());
                }
            }
            thread::sleep(POLL);
        }
        bail!("it is not ready after {} s", PATIENCE.as_secs())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
