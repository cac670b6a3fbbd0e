//! A child process that cannot outlive its test.

use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use crate::wait_for;

/// How long a daemon may take to stop after SIGTERM; its own drain is bounded to less.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// How a process ended.
pub type Exit = ExitStatus;

/// A running child process. It is killed when this is dropped, and by the kernel if the test's thread dies first.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts `command`. The calling thread must live as long as the child should.
    pub(crate) fn spawn(mut command: Command) -> anyhow::Result<Self> {
        die_with_parent(&mut command);
        let child = command.spawn().with_context(|| format!("start {command:?}"))?;
        Ok(Self(child))
    }

    /// How it ended, if it has.
    pub(crate) fn exit(&mut self) -> anyhow::Result<Option<Exit>> {
        Ok(self.0.try_wait()?)
    }

    /// SIGKILL: it has no chance to flush anything.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.0.kill().context("SIGKILL")?;
        self.0.wait().context("wait for a killed child")?;
        Ok(())
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.0), signal).with_context(|| format!("{signal:?}"))
    }

    /// CPU time that it has taken since its start, clock ticks: fields 14 and 15 of proc_pid_stat(5).
    pub(crate) fn cpu_ticks(&self) -> anyhow::Result<u64> {
        let file = format!("/proc/{}/stat", self.0.id());
        let stat = std::fs::read_to_string(&file).with_context(|| format!("read {file}"))?;
        // The second field, in parentheses, is a name that may contain anything.
        let (_, rest) = stat.rsplit_once(") ").with_context(|| format!("{file} has no name"))?;
        let times = rest.split(' ').skip(11).take(2);
        times.map(|ticks| Ok(ticks.parse::<u64>()?)).sum()
    }

    /// The most memory that it has had so far: `VmHWM`, bytes.
    pub(crate) fn peak_rss_bytes(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes * 1024)
    }

    /// SIGTERM, then waits for the end.
    pub(crate) async fn terminate(&mut self) -> anyhow::Result<Exit> {
        self.signal(Signal::TERM)?;
        let ended = async || self.exit()?.context("it runs on");
        wait_for("the end of a process after SIGTERM", STOP_LIMIT, ended).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody to tell.
        let _ = self.kill();
    }
}

#[allow(unsafe_code, reason = "`pre_exec` has no safe equivalent")]
fn die_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    let ask_kernel = || Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?);
    // SAFETY: between fork and exec the closure makes one system call and neither allocates nor locks.
    unsafe { command.pre_exec(ask_kernel) };
}
