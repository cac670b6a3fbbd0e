//! Where and from what a figure comes: a figure without them says nothing.

use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Instruction sets that vector arithmetic depends on, as `/proc/cpuinfo` names them.
const VECTOR_FEATURES: [&str; 8] =
    ["avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "asimddp"];

/// The machine that all parts of a run shared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Machine {
    /// As the kernel names it.
    pub cpu: String,
    /// Those of its instruction sets that vector arithmetic depends on.
    pub features: Vec<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// Runnable processes over the last minute before the run: a figure above 1 says that something else was running.
    pub load_average_before: Option<f64>,
}

/// What was run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Build {
    /// The commit of the checkout in which the program was started.
    pub git_commit: Option<String>,
    /// Whether that checkout, its reports left out, had changes that are in no commit.
    pub has_uncommitted_changes: Option<bool>,
    /// Profile of the program, and of a stack that was built with it: `release`, or `dev` (opt-level 1, debug assertions). "guided": the
    /// daemons of a search were optimised by a profile (`scripts/guided.sh`).
    pub profile: String,
}

impl Machine {
    /// Looks at the machine as it is now.
    pub fn look() -> Self {
        let cpu = file_value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
        let flags = file_value("/proc/cpuinfo", "flags").or_else(|| file_value("/proc/cpuinfo", "Features"));
        let has = |name: &&str| flags.iter().flat_map(|flags| flags.split(' ')).any(|flag| flag == *name);
        let memory = file_value("/proc/meminfo", "MemTotal");
        let kibibytes = memory.and_then(|total| total.split(' ').next()?.parse::<u64>().ok());
        let load = fs::read_to_string("/proc/loadavg").ok();
        Self {
            cpu,
            features: VECTOR_FEATURES
                .iter()
                .filter(|name| has(name))
                .map(|name| (*name).to_owned())
                .collect(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kibibytes.map(|kibibytes| kibibytes * 1024),
            load_average_before: load.and_then(|load| load.split(' ').next()?.parse().ok()),
        }
    }
}

impl Build {
    /// Looks at the checkout in the current folder.
    pub fn look() -> Self {
        let changes = git(&["status", "--porcelain", "--", ".", ":!reports"]);
        Self {
            git_commit: git(&["rev-parse", "--short=12", "HEAD"]),
            has_uncommitted_changes: changes.map(|changes| !changes.is_empty()),
            profile: profile(),
        }
    }
}

fn profile() -> String {
    if cfg!(debug_assertions) {
        return "dev".to_owned();
    }
    // `scripts/guided.sh` leaves it beside what it gathers.
    let note = std::env::current_exe().ok().map(|program| program.with_file_name("PROFILE"));
    let is_guided = note.is_some_and(|note| note.is_file());
    if is_guided { "release, guided" } else { "release" }.to_owned()
}

/// The CPU time of the machine and of this process since some moment, to tell how much others took.
#[derive(Debug, Clone, Copy)]
pub struct CpuWatch(CpuTicks);

/// What others took of the machine's cores, 0 to 1.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct CpuOfOthers {
    /// Processes that have nothing to do with the run.
    pub other_processes: f64,
    /// The hypervisor, for other machines on the same hardware.
    pub stolen: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct CpuTicks {
    /// Of all cores, the idle ones included.
    all: u64,
    busy: u64,
    stolen: u64,
    /// Of this process and its children, as far as those have ended and been waited for.
    own: u64,
}

impl CpuWatch {
    /// Begins now.
    pub fn start() -> Self {
        Self(CpuTicks::now().unwrap_or_default())
    }

    /// What others took since then. The process's children must have ended, or they count as others.
    pub fn others(self) -> Option<CpuOfOthers> {
        let (then, now) = (self.0, CpuTicks::now()?);
        let all = (now.all - then.all).max(1) as f64;
        let own = now.own - then.own;
        Some(CpuOfOthers {
            other_processes: (now.busy - then.busy).saturating_sub(own) as f64 / all,
            stolen: (now.stolen - then.stolen) as f64 / all,
        })
    }
}

impl CpuTicks {
    fn now() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/stat").ok()?, &fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// See proc_stat(5) and proc_pid_stat(5).
    fn parse(machine: &str, process: &str) -> Option<Self> {
        let numbers =
            |text: &str| -> Vec<u64> { text.split_whitespace().map_while(|n| n.parse().ok()).collect() };
        let cpu = numbers(machine.lines().next()?.strip_prefix("cpu ")?);
        let [user, nice, system, idle, iowait, irq, softirq, stolen, ..] = cpu[..] else { return None };
        let busy = user + nice + system + irq + softirq;
        // The command's name, in parentheses, may contain anything; utime to cstime are the 14th to the 17th field.
        let after_name = process.rsplit_once(") ")?.1;
        let times = after_name.split(' ').skip(11).take(4).map(|ticks| ticks.parse::<u64>().ok());
        let own = times.sum::<Option<u64>>()?;
        Some(Self { all: busy + idle + iowait + stolen, busy, stolen, own })
    }
}

/// The value of the first line `key : value` of a file.
pub fn file_value(file: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_of_others_is_what_neither_we_nor_our_children_took() {
        let stat = "cpu  100 0 50 1000 10 5 5 30 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        let process = "7 (odd) name) S 1 7 7 0 -1 4194304 100 0 0 0 11 12 13 14 20 0 1 0 5 100 10";
        let ticks = CpuTicks::parse(stat, process).unwrap();
        assert_eq!((ticks.all, ticks.busy, ticks.stolen, ticks.own), (1200, 160, 30, 50));
    }

    #[test]
    fn machine_that_runs_this_test_has_a_processor_and_memory() {
        let machine = Machine::look();
        assert!(machine.cores > 0 && machine.memory_bytes > Some(0), "{machine:?}");
        assert!(CpuWatch::start().others().is_some());
    }
}
