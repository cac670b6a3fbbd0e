//! How long a proof takes, and where it is written down.
//!
//! As tests they are short. `scripts/prove-vectors-durability.sh` runs them long, by these variables:
//! `LAKEHOUSE_PROOF_ROUNDS` and `LAKEHOUSE_PROOF_SECONDS` (crashes, and load before each), `LAKEHOUSE_PROOF_STACKS` (that
//! share the rounds), `LAKEHOUSE_PROOF_INDEXES` (of three vectors), `LAKEHOUSE_PROOF_ALL_DAMAGE` (not a sample) and `LAKEHOUSE_PROOF_REPORTS` (a folder for records).

use std::fs;
use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::{Value, json};

/// How long to wait for what a daemon does in the background.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The value of `LAKEHOUSE_PROOF_<name>`, if it is set.
pub(crate) fn parameter<T: FromStr>(name: &str) -> anyhow::Result<Option<T>> {
    let variable = format!("LAKEHOUSE_PROOF_{name}");
    let Ok(text) = std::env::var(&variable) else { return Ok(None) };
    let parsed = text.parse().ok();
    parsed.map(Some).with_context(|| format!("{variable} is {text:?}, which cannot be read as a number"))
}

/// A proof under way.
pub(crate) struct Proof {
    name: &'static str,
    started: Instant,
}

impl Proof {
    pub(crate) fn begin(name: &'static str) -> Self {
        Self { name, started: Instant::now() }
    }

    /// Says how far it is.
    #[expect(clippy::print_stdout, reason = "a proof may take an hour")]
    pub(crate) fn progress(&self, what: &str) {
        println!("{} after {:.0} s: {what}", self.name, self.started.elapsed().as_secs_f64());
    }

    /// Writes the record of a proof that has held, where one is wanted.
    pub(crate) fn record(&self, settings: &Value, found: &Value) -> anyhow::Result<()> {
        let Ok(folder) = std::env::var("LAKEHOUSE_PROOF_REPORTS") else { return Ok(()) };
        let record = json!({
            "proof": self.name,
            "commit": commit(),
            "cpu": cpu(),
            "cores": std::thread::available_parallelism()?,
            "build": if cfg!(debug_assertions) { "dev" } else { "release" },
            "seconds": self.started.elapsed().as_secs(),
            "settings": settings,
            "found": found,
        });
        let path = Path::new(&folder).join(format!("{}.json", self.name));
        let text = format!("{record:#}\n");
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }
}

fn commit() -> String {
    let described = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    described
        .map_or_else(|_| "unknown".to_owned(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("unknown", |(_, name)| name).to_owned()
}
