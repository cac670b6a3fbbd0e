//! What the kernel knows of a process: memory, page faults, CPU time, and which one listens on a port.

use std::fs;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::machine::file_value;

/// Resident memory of a process, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Its own: what it allocated.
    pub anon_bytes: u64,
    /// Pages of mapped files, its program and libraries among them; the kernel takes them back when it needs them.
    pub file_bytes: u64,
    /// The most of both at once, since the start or [`reset_peak`].
    pub peak_bytes: u64,
}

impl Memory {
    /// Of the process `pid`.
    pub fn of(pid: u32) -> anyhow::Result<Self> {
        let status = format!("/proc/{pid}/status");
        let bytes = |key| -> anyhow::Result<u64> {
            let value = file_value(&status, key).with_context(|| format!("no {key} in {status}"))?;
            let kibibytes: u64 = value.trim_end_matches(" kB").parse()?;
            Ok(kibibytes * 1024)
        };
        Ok(Self { anon_bytes: bytes("RssAnon")?, file_bytes: bytes("RssFile")?, peak_bytes: bytes("VmHWM")? })
    }

    /// Both kinds.
    pub fn total_bytes(self) -> u64 {
        self.anon_bytes + self.file_bytes
    }
}

/// Makes the peak begin anew: see `clear_refs` in proc_pid_clear_refs(5).
pub fn reset_peak(pid: u32) -> anyhow::Result<()> {
    let file = format!("/proc/{pid}/clear_refs");
    fs::write(&file, "5").with_context(|| format!("write to {file}"))
}

/// How often the process waited for a page from a disk: field 12 of proc_pid_stat(5).
pub fn major_faults(pid: u32) -> anyhow::Result<u64> {
    stat_field(pid, 12)
}

/// CPU time that a process has taken since its start, seconds.
pub fn cpu_s(pid: u32) -> anyhow::Result<f64> {
    let ticks = stat_field(pid, 14)? + stat_field(pid, 15)?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// How many sockets a process has open.
pub fn sockets(pid: u32) -> anyhow::Result<usize> {
    let folder = format!("/proc/{pid}/fd");
    let files = fs::read_dir(&folder).with_context(|| format!("read {folder}"))?.flatten();
    // One that is closed meanwhile is none.
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    Ok(targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count())
}

/// The process that listens on a TCP port of this machine; `None` without one, or if it is another user's.
pub fn listener(port: u16) -> Option<u32> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    let inode = tables.iter().find_map(|table| listening_inode(table, port))?;
    let link = format!("socket:[{inode}]");
    let has_socket = |pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| target.as_os_str() == link.as_str())
    };
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(has_socket)
}

/// The inode of the socket that listens on `port`, from a table as proc_pid_net(5) describes it.
fn listening_inode(table: &str, port: u16) -> Option<&str> {
    /// TCP_LISTEN of the kernel's `tcp_states.h`.
    const LISTEN: &str = "0A";
    let port = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_listening = fields.get(1)?.ends_with(&port) && *fields.get(3)? == LISTEN;
        is_listening.then(|| fields.get(9).copied())?
    })
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
    fn process_that_listens_is_found_by_its_port() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(listener(port), Some(std::process::id()));
        drop(socket);
        assert_eq!(listener(port), None);
    }

    #[test]
    fn sockets_are_counted_apart_from_other_files() {
        let pid = std::process::id();
        let file = fs::File::open("/proc/self/stat").unwrap();
        let before = sockets(pid).unwrap();
        drop(file);
        let sockets_here: Vec<_> =
            (0..50).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        // Other tests have some too, a few.
        let now = sockets(pid).unwrap();
        assert!((40..60).contains(&now.saturating_sub(before)), "{before} {now}");
        drop(sockets_here);
    }

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
