//! The embedding model through ONNX Runtime, which nobody here wrote, behind an HTTP endpoint in a process of its own.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use crate::child::Process;
use crate::{python, repository, wait_for};

/// How long it may take to listen: it loads a model, on a machine that is busy compiling.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A running server.
#[derive(Debug)]
pub struct OnnxServer {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl OnnxServer {
    /// Serves the model in `folder`, under the folder's name, on a free port.
    ///
    /// # Errors
    /// When its packages cannot be installed: with what to do; or when it does not start: with what it wrote.
    pub async fn start(model: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("onnx-").tempdir()?;
        let [output, log] = ["port", "log"].map(|name| folder.path().join(name));
        let mut command = python("onnx-embed")?;
        command.arg(repository().join("crates/testkit/onnx-embed/serve.py")).arg(model);
        command.stdout(File::create(&output)?).stderr(File::create(&log)?);
        let mut process = Process::spawn(command)?;
        let port = wait_for("ONNX Runtime to listen", START_LIMIT, async || {
            if let Some(exit) = process.exit()? {
                return Ok(Err(exit));
            }
            Ok(Ok(fs::read_to_string(&output)?.trim_end().parse::<u16>().context("no port yet")?))
        });
        match port.await? {
            Ok(port) => Ok(Self { _process: process, _folder: folder, port }),
            Err(exit) => anyhow::bail!("it ended at its start with {exit}:\n{}", fs::read_to_string(log)?),
        }
    }

    /// Its endpoint, in the predecessor's shape.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/ai/embed", self.port)
    }
}
