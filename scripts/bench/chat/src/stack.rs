//! The mock, and a chatd that has it for its only provider.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use bench_kit::daemon::Daemon;
use tempfile::TempDir;

use crate::script::MODEL;

/// Both are killed when this is dropped, before their folder goes.
pub(crate) struct Stack {
    pub(crate) mock: Daemon,
    pub(crate) chatd: Daemon,
    _folder: TempDir,
}

impl Stack {
    /// Starts the mock, and the chatd of `binaries` with its defaults.
    pub(crate) fn start(binaries: &Path) -> anyhow::Result<Self> {
        Self::start_as(Command::new(binaries.join("chatd")))
    }

    /// The same with a chatd that `command` starts.
    pub(crate) fn start_as(mut command: Command) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bench-chat-").tempdir()?;
        let mut mock = Command::new(std::env::current_exe().context("find this program")?);
        mock.arg("mock");
        let none: [(&str, &str); 0] = [];
        let mock = Daemon::launch(mock, "mock", folder.path(), none).context("start the mock")?;
        let config = folder.path().join("lakehouse.toml");
        let url = format!("http://{}", mock.address());
        let provider =
            format!("name = \"mock\"\nkind = \"openai\"\nurl = \"{url}\"\nmodels = [\"{MODEL}\"]\n");
        std::fs::write(&config, format!("[[chatd.providers]]\n{provider}"))?;
        command.args(["--bind", "127.0.0.1:0"]).arg("--data").arg(folder.path());
        let chatd = Daemon::launch(command, "chatd", folder.path(), [("LAKEHOUSE_CONFIG", &config)])
            .context("start chatd")?;
        Ok(Self { mock, chatd, _folder: folder })
    }

    /// Lets chatd end by itself.
    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.chatd.stop().context("stop chatd")
    }
}
