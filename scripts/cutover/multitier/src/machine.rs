//! Where and from what a figure comes: a figure without them says nothing.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// The machine that stack and harness ran on.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// As the kernel names it.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// Runnable processes over the last minute before the run: a figure above 1 says that something else was running.
    pub load_average_before: Option<f64>,
}

/// What was run.
#[derive(Debug, Clone, Serialize)]
pub struct Build {
    /// The commit of the checkout in which the harness was started.
    pub git_commit: Option<String>,
    /// Whether that checkout had changes that are in no commit.
    pub has_uncommitted_changes: Option<bool>,
    /// Profile of the harness, and of a stack that was built with it: `release`, or `dev` (opt-level 1, debug assertions).
    pub profile: &'static str,
}

impl Machine {
    pub(crate) fn look() -> Self {
        let cpu = file_value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
        let memory = file_value("/proc/meminfo", "MemTotal");
        let kibibytes = memory.and_then(|total| total.split(' ').next()?.parse::<u64>().ok());
        let load = fs::read_to_string("/proc/loadavg").ok();
        Self {
            cpu,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kibibytes.map(|kibibytes| kibibytes * 1024),
            load_average_before: load.and_then(|load| load.split(' ').next()?.parse().ok()),
        }
    }
}

impl Build {
    pub(crate) fn look() -> Self {
        Self {
            git_commit: git(&["rev-parse", "--short=12", "HEAD"]),
            has_uncommitted_changes: git(&["status", "--porcelain"]).map(|changes| !changes.is_empty()),
            profile: if cfg!(debug_assertions) { "dev" } else { "release" },
        }
    }
}

/// The value of the first line `key : value` of a file.
fn file_value(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
