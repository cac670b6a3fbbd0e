//! What the kernel knows of a process: memory and page faults.

use std::fs;

use anyhow::Context;
use bench_kit::machine::file_value;
use serde::{Deserialize, Serialize};

/// Resident memory of a process, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Its own: what it allocated.
    pub(crate) anon_bytes: u64,
    /// Pages of mapped files, its program and libraries among them; the kernel takes them back when it needs them.
    pub(crate) file_bytes: u64,
    /// The most of both at once, since the start or [`reset_peak`].
    pub(crate) peak_bytes: u64,
}

impl Memory {
    /// Of the process `pid`.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let status = format!("/proc/{pid}/status");
        let bytes = |key| -> anyhow::Result<u64> {
            let value = file_value(&status, key).with_context(|| format!("no {key} in {status}"))?;
            let kibibytes: u64 = value.trim_end_matches(" kB").parse()?;
            Ok(kibibytes * 1024)
        };
        Ok(Self { anon_bytes: bytes("RssAnon")?, file_bytes: bytes("RssFile")?, peak_bytes: bytes("VmHWM")? })
    }

    /// Both kinds.
    pub(crate) fn total_bytes(self) -> u64 {
        self.anon_bytes + self.file_bytes
    }
}

/// Makes the peak begin anew: see `clear_refs` in proc_pid_clear_refs(5).
pub(crate) fn reset_peak(pid: u32) -> anyhow::Result<()> {
    let file = format!("/proc/{pid}/clear_refs");
    fs::write(&file, "5").with_context(|| format!("write to {file}"))
}

/// How often the process waited for a page from a disk: field 12 of proc_pid_stat(5).
pub(crate) fn major_faults(pid: u32) -> anyhow::Result<u64> {
    stat_field(pid, 12)
}

/// CPU time that a process has taken since its start, seconds.
pub(crate) fn cpu_s(pid: u32) -> anyhow::Result<f64> {
    let ticks = stat_field(pid, 14)? + stat_field(pid, 15)?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// A numeric field of `/proc/PID/stat`, counted from 1 as in the manual.
fn stat_field(pid: u32, number: usize) -> anyhow::Result<u64> {
    let file = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&file).with_context(|| format!("read {file}"))?;
    // The second field, in parentheses, is a name that may contain anything.
    let rest = stat.rsplit_once(") ").map(|(_, rest)| rest);
    let field = rest.and_then(|rest| rest.split(' ').nth(number - 3)).context("it is shorter than expected");
    field?.parse().with_context(|| format!("field {number} of {file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_allocated_and_freed_shows_in_the_peak_alone() {
        let pid = std::process::id();
        let before = Memory::of(pid).unwrap();
        let size = 64 << 20;
        drop(std::hint::black_box(vec![1_u8; size]));
        let after = Memory::of(pid).unwrap();
        assert!(after.peak_bytes >= before.anon_bytes + size as u64, "{before:?} {after:?}");
        reset_peak(pid).unwrap();
        assert!(Memory::of(pid).unwrap().peak_bytes < after.peak_bytes);
    }
}
