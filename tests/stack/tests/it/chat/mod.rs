//! Chat and embedding between programs that nobody here wrote: official clients in front, real servers behind.

mod anthropic;
mod clients;
mod embedding;
mod llama_server;
mod local;

use std::process::Command;

use anyhow::{Context, ensure};
use testkit::{Builder, Stack};
use wire::DaemonName::{self, Chatd};

/// Daemons with one provider of chatd, as an inline table of TOML.
fn over(daemons: &[DaemonName], provider: &str) -> Builder {
    Stack::of(daemons).env_of(Chatd, "LAKEHOUSE_CHATD__PROVIDERS", format!("[{provider}]"))
}

/// Runs a program of this folder, which must end with the line `understood`.
async fn run(mut interpreter: Command, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    interpreter.arg(testkit::repository().join("tests/stack/tests/it/chat").join(program)).args(arguments);
    // The provider runs on this test's own threads.
    let ended = tokio::task::spawn_blocking(move || interpreter.output());
    let output = ended.await?.with_context(|| format!("run {program}"))?;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success() && stdout.ends_with("understood\n"), "{program}: {stdout}\n{stderr}");
    Ok(())
}
