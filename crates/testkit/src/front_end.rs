//! The web front end, `scripts/cutover/bun`, run by a real Bun.

use std::fs::{self, File};
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::child::Process;
use crate::{Http, bun, repository, wait_for};

/// How long it may take to listen, on a machine that is busy compiling.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running front end.
#[derive(Debug)]
pub struct FrontEnd {
    process: Process,
    _folder: TempDir,
    url: String,
}

impl FrontEnd {
    /// Starts it on a free port, with `GO_LAKEHOUSE_URL` set to `gateway`, or unset.
    ///
    /// # Errors
    /// When Bun cannot be installed: with what to do; or when it does not start: with what it wrote.
    pub async fn start(gateway: Option<&str>) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("front-end-").tempdir()?;
        let [output, log] = ["url", "log"].map(|name| folder.path().join(name));
        let mut command = bun("bun")?;
        command.arg(repository().join("scripts/cutover/bun/server.ts")).env("PORT", "0").env_remove("HOST");
        match gateway {
            Some(url) => command.env("GO_LAKEHOUSE_URL", url),
            None => command.env_remove("GO_LAKEHOUSE_URL"),
        };
        command.stdout(File::create(&output)?).stderr(File::create(&log)?);
        let mut process = Process::spawn(command)?;
        let url = wait_for("the front end to listen", START_LIMIT, async || {
            if let Some(exit) = process.exit()? {
                return Ok(Err(exit));
            }
            let said = fs::read_to_string(&output)?;
            Ok(Ok(said.strip_suffix('\n').context("no URL yet")?.to_owned()))
        });
        match url.await? {
            Ok(url) => Ok(Self { process, _folder: folder, url }),
            Err(exit) => anyhow::bail!("it ended at its start with {exit}:\n{}", fs::read_to_string(log)?),
        }
    }

    /// A client for it.
    pub fn http(&self) -> Http {
        Http::new(self.url.clone())
    }

    /// A client for the gateway that goes through it.
    pub fn gateway(&self) -> Http {
        Http::new(format!("{}/_go", self.url))
    }

    /// `HOST:PORT`, for callers that speak by hand.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// The most memory that it has had so far, bytes.
    ///
    /// # Errors
    /// When it does not run.
    pub fn peak_rss_bytes(&self) -> anyhow::Result<u64> {
        self.process.peak_rss_bytes()
    }
}
