//! A real daemon, on a free port.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::http::Client;

/// How long it may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(1800);
const READY_POLL: Duration = Duration::from_millis(2);

/// Whether an environment variable would configure the daemon: what is measured are its defaults.
fn is_setting(name: &str) -> bool {
    name.strip_prefix("LAKEHOUSE_")
        .is_some_and(|rest| rest.contains("__") || matches!(rest, "DATA" | "CONFIG"))
}

/// A running daemon. It is killed when this is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    address: SocketAddr,
    /// From the start of the process until it said that it was ready.
    pub ready_after: Duration,
}

impl Daemon {
    /// Starts `program` with its data, its log and its listen file in `folder`, and with `settings` in its environment;
    /// waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or is not ready after half an hour; the text has its log.
    pub fn start<V: AsRef<OsStr>>(
        program: &Path,
        folder: &Path,
        settings: impl IntoIterator<Item = (&'static str, V)>,
    ) -> anyhow::Result<Self> {
        let name = program.file_name().unwrap_or_default().display().to_string();
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1:0"]).arg("--data").arg(folder);
        Self::launch(command, &name, folder, settings)
    }

    /// The same for another server that writes where it listens to its `--listen-file` and answers `/readyz`; `name` is that of its
    /// files.
    ///
    /// # Errors
    /// As those of [`start`](Self::start).
    pub fn launch<V: AsRef<OsStr>>(
        mut command: Command,
        name: &str,
        folder: &Path,
        settings: impl IntoIterator<Item = (&'static str, V)>,
    ) -> anyhow::Result<Self> {
        let listen_file = folder.join(format!("{name}.addr"));
        if listen_file.exists() {
            fs::remove_file(&listen_file)?;
        }
        let log_file = folder.join(format!("{name}.log"));
        command.arg("--listen-file").arg(&listen_file).stdin(Stdio::null());
        for (name, _) in env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.envs(settings);
        command.stdout(Stdio::null()).stderr(File::options().create(true).append(true).open(&log_file)?);
        let started = Instant::now();
        let child = command.spawn().with_context(|| {
            let program = Path::new(command.get_program()).display();
            format!("start {program}: build it in the same profile as this program, beside it")
        })?;
        let mut daemon =
            Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), ready_after: Duration::ZERO };
        let show_log = || format!("its log:\n{}", fs::read_to_string(&log_file).unwrap_or_default());
        daemon.wait_until_ready(name, &listen_file, started).with_context(show_log)?;
        Ok(daemon)
    }

    fn wait_until_ready(&mut self, name: &str, listen_file: &Path, started: Instant) -> anyhow::Result<()> {
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                bail!("{name} ended at its start: {status}");
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
        bail!("{name} is not ready after {} s", PATIENCE.as_secs())
    }

    /// The process, as `/proc` knows it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When it does not accept one.
    pub fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.address)
    }

    /// SIGTERM, then waits for the end.
    ///
    /// # Errors
    /// When it does not end with success.
    pub fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).context("SIGTERM")?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the daemon ended with {status} after SIGTERM");
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
