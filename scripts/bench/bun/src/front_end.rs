//! The front end, run by a real Bun.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use bench_kit::procfs::{Memory, cpu_s};

/// A running front end. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct FrontEnd {
    bun: PathBuf,
    child: Child,
    pub(crate) address: SocketAddr,
}

impl FrontEnd {
    /// Starts `server` in front of the gateway, and waits until it listens.
    pub(crate) fn start(bun: &Path, server: &Path, gateway: SocketAddr) -> anyhow::Result<Self> {
        let mut command = Command::new(bun);
        command.arg(server).env("PORT", "0").env_remove("HOST");
        command.env("GO_LAKEHOUSE_URL", format!("http://{gateway}"));
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", bun.display()))?;
        let output = child.stdout.take().context("a pipe was asked for")?;
        let mut front_end = Self { bun: bun.to_owned(), child, address: SocketAddr::from(([0; 4], 0)) };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim_end().strip_prefix("http://").and_then(|address| address.parse().ok());
        front_end.address =
            address.with_context(|| format!("the front end said {line:?}, and no address"))?;
        Ok(front_end)
    }

    /// CPU time so far, seconds.
    pub(crate) fn cpu_s(&self) -> anyhow::Result<f64> {
        cpu_s(self.child.id())
    }

    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        Memory::of(self.child.id())
    }

    /// Bun's.
    pub(crate) fn version(&self) -> anyhow::Result<String> {
        let output = Command::new(&self.bun).arg("--version").output()?;
        ensure!(output.status.success(), "{} --version failed", self.bun.display());
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }
}

impl Drop for FrontEnd {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
