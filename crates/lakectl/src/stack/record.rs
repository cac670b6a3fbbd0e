//! A daemon that was started, as remembered in `DIR/run/<daemon>.json`.

use std::fs;
use std::path::Path;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use wire::DaemonName;

use super::run_dir;

/// Enough to find a process again and to tell it from a later one of the same number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) daemon: DaemonName,
    pub(super) pid: u32,
    /// Clock ticks from boot to the start of the process: field 22 of proc_pid_stat(5).
    started: u64,
}

impl Record {
    /// Remembers a process that was just started.
    pub(super) fn of(daemon: DaemonName, pid: u32) -> anyhow::Result<Self> {
        let started = start_time(pid).with_context(|| format!("{daemon} ended at once"))?;
        Ok(Self { daemon, pid, started })
    }

    /// Everything that is remembered in `data`.
    pub(super) fn all(data: &Path) -> anyhow::Result<Vec<Self>> {
        let run_dir = run_dir(data)?;
        let files = DaemonName::ALL.map(|daemon| run_dir.join(format!("{daemon}.json")));
        let read = |file: &std::path::PathBuf| {
            let text = fs::read_to_string(file)?;
            serde_json::from_str(&text).with_context(|| format!("read {}", file.display()))
        };
        files.iter().filter(|file| file.exists()).map(read).collect()
    }

    pub(super) fn save(&self, data: &Path) -> anyhow::Result<()> {
        let file = run_dir(data)?.join(format!("{}.json", self.daemon));
        fs::write(&file, serde_json::to_string(self)?).with_context(|| format!("write {}", file.display()))
    }

    pub(super) fn forget(&self, data: &Path) -> anyhow::Result<()> {
        let file = run_dir(data)?.join(format!("{}.json", self.daemon));
        fs::remove_file(&file).with_context(|| format!("remove {}", file.display()))
    }

    pub(super) fn is_alive(&self) -> bool {
        start_time(self.pid) == Some(self.started)
    }

    /// Asks the process to stop.
    pub(super) fn terminate(&self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("process id")?;
        kill_process(pid, Signal::TERM).with_context(|| format!("stop {}", self.daemon))
    }
}

/// When a live process started; `None` for one that has ended, a zombie included.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything: fields are counted from behind it.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") { None } else { fields.nth(18)?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recycled_process_id_is_not_taken_for_the_daemon() {
        let own = Record::of(DaemonName::Vectord, std::process::id()).unwrap();
        assert!(own.is_alive());
        assert!(!Record { started: own.started + 1, ..own }.is_alive());
    }
}
