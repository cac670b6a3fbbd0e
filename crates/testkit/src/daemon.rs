//! One daemon as a process: how it is started, where it listens, how it ends.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use wire::DaemonName;

use crate::child::{Exit, Process};
use crate::{Http, binary, logs, trace, wait_for};

/// How long a daemon may take until it is ready: unoptimised, on a machine that is busy compiling.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// The lines of its log that a daemon's failure to start is reported with.
const LOG_TAIL_LINES: usize = 15;

/// The largest file of a daemon whose disk is full, in the blocks of `ulimit -f`: 512 bytes in POSIX, 1,024 in some shells.
const FULL_BLOCKS: u32 = 512;

/// All that is needed to start a daemon, once and again.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) name: DaemonName,
    /// `--data`.
    pub(crate) data: PathBuf,
    /// Where its log, its listen file and its trace go.
    pub(crate) run: PathBuf,
    pub(crate) env: BTreeMap<String, OsString>,
    pub(crate) is_traced: bool,
    /// Whether a write fails that would make a file larger than [`FULL_BLOCKS`].
    pub(crate) is_disk_full: bool,
    /// The probe that answers 200 once a start is over.
    pub(crate) awaited: &'static str,
}

impl Launch {
    fn file(&self, extension: &str) -> PathBuf {
        self.run.join(format!("{}.{extension}", self.name))
    }

    fn command(&self, bind: SocketAddr) -> anyhow::Result<Command> {
        let program = binary(self.name.as_str())?;
        let mut command = if self.is_traced {
            let mut strace = Command::new("strace");
            strace.args(trace::STRACE_ARGUMENTS).arg("-o").arg(self.file("strace")).arg("--").arg(program);
            strace
        } else if self.is_disk_full {
            // Ignored, the signal becomes an error of the write: EFBIG, setrlimit(2).
            let mut limited = Command::new("sh");
            limited
                .arg("-c")
                .arg(format!("trap '' XFSZ; ulimit -f {FULL_BLOCKS}; exec \"$0\" \"$@\""))
                .arg(program);
            limited
        } else {
            Command::new(program)
        };
        command.arg("--bind").arg(bind.to_string());
        command.arg("--data").arg(&self.data).arg("--listen-file").arg(self.file("addr"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.envs(&self.env).stdin(Stdio::null()).stdout(Stdio::null());
        let log = OpenOptions::new().create(true).append(true).open(self.file("log"))?;
        command.stderr(log);
        Ok(command)
    }
}

/// Whether an environment variable would configure a daemon: tests do not inherit the developer's settings, nor the keys
/// to their buckets.
fn is_setting(name: &str) -> bool {
    let is_ours = |rest: &str| rest.contains("__") || matches!(rest, "DATA" | "CONFIG");
    name.strip_prefix("LAKEHOUSE_").is_some_and(is_ours) || name.starts_with("AWS_")
}

/// A daemon under test.
#[derive(Debug)]
pub struct Daemon {
    launch: Launch,
    /// `None` between a kill and a restart.
    process: Option<Process>,
    address: SocketAddr,
}

impl Daemon {
    /// Starts a daemon on a free port and waits until it is ready.
    pub(crate) async fn start(launch: Launch) -> anyhow::Result<Self> {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut daemon = Self { launch, process: None, address: free };
        daemon.spawn().await?;
        Ok(daemon)
    }

    /// Which daemon it is.
    pub fn name(&self) -> DaemonName {
        self.launch.name
    }

    /// Where it listens, or did when it was killed.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client for it.
    pub fn http(&self) -> Http {
        Http::new(self.url())
    }

    /// Kills it with SIGKILL: it has no chance to flush anything.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.process.take().context("it does not run")?.kill()
    }

    /// Starts it again after a kill or a stop, on the same data and the same port, and waits until it is ready.
    ///
    /// # Errors
    /// When it runs, or does not get ready.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "{} runs", self.name());
        self.spawn().await.with_context(|| format!("restart {}", self.name()))
    }

    /// Stops it with SIGTERM.
    ///
    /// # Errors
    /// When it does not run, does not end, or exits with anything but 0.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let mut process = self.process.take().context("it does not run")?;
        let exit = process.terminate().await.with_context(|| format!("stop {}", self.name()))?;
        ensure!(exit.success(), "{} ended with {exit} after SIGTERM\n{}", self.name(), self.log_tail());
        Ok(())
    }

    /// CPU time that it has taken since its start, clock ticks.
    ///
    /// # Errors
    /// When it does not run.
    pub fn cpu_ticks(&self) -> anyhow::Result<u64> {
        self.process.as_ref().context("it does not run")?.cpu_ticks()
    }

    /// Whether it was started and neither killed nor stopped since.
    pub fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// The most memory that its process has had so far, bytes.
    ///
    /// # Errors
    /// When it does not run.
    pub fn peak_rss_bytes(&self) -> anyhow::Result<u64> {
        self.process.as_ref().context("it does not run")?.peak_rss_bytes()
    }

    /// The text of its log so far, over all its starts.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.launch.file("log"))?)
    }

    /// Fails if it logged a warning, an error or a panic that contains none of the texts in `expected`.
    ///
    /// # Errors
    /// The lines that were not expected.
    pub fn assert_quiet(&self, expected: &[&str]) -> anyhow::Result<()> {
        let log = self.log()?;
        let unexpected = logs::unexpected(&log, expected);
        ensure!(unexpected.is_empty(), "{} logged:\n  {}", self.name(), unexpected.join("\n  "));
        Ok(())
    }

    /// What strace saw of it. Waits for the end of the trace, so the daemon must have been stopped.
    ///
    /// # Errors
    /// When it was not started under strace, or runs.
    pub async fn trace(&self) -> anyhow::Result<trace::Trace> {
        ensure!(
            self.launch.is_traced && self.process.is_none(),
            "trace a daemon, stop it, then read its trace"
        );
        let file = self.launch.file("strace");
        wait_for("the end of a trace", READY_LIMIT, async || trace::Trace::read(&file)).await
    }

    async fn spawn(&mut self) -> anyhow::Result<()> {
        let listen_file = self.launch.file("addr");
        if listen_file.exists() {
            fs::remove_file(&listen_file)?;
        }
        let mut process = Process::spawn(self.launch.command(self.address)?)?;
        let what = format!("{} of {}", self.launch.awaited, self.name());
        let ready = wait_for(&what, READY_LIMIT, async || {
            if let Some(exit) = process.exit()? {
                return Ok(Err(exit));
            }
            let address: SocketAddr = fs::read_to_string(&listen_file).context("no listen file")?.parse()?;
            Http::new(format!("http://{address}")).get(self.launch.awaited).send().await?.expect(200)?;
            Ok(Ok(address))
        });
        let ready: Result<SocketAddr, Exit> = ready.await.with_context(|| self.log_tail())?;
        match ready {
            Ok(address) => self.address = address,
            Err(exit) => bail!("{} ended at its start with {exit}\n{}", self.name(), self.log_tail()),
        }
        self.process = Some(process);
        Ok(())
    }

    fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(LOG_TAIL_LINES)..];
        format!("the end of its log:\n  {}", tail.join("\n  "))
    }
}
