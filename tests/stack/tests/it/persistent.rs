//! The stack that operators start by script: it outlives their shell, and is not started twice.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::ensure;
use testkit::{Http, binary, repository};
use wire::DaemonName;

/// Far from the ports of other stacks on this machine, and below those that the system gives away.
const PORT_OFFSET: u16 = 15_000;

/// The scripts, on a folder; what they started is stopped at the end.
struct Operator<'a> {
    folder: &'a Path,
}

impl Operator<'_> {
    fn script(&self, name: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(repository().join("scripts/cutover").join(name));
        command.env("LAKECTL", binary("lakectl")?).env("LAKEHOUSE_DATA", self.folder);
        Ok(command)
    }

    fn start(&self, script: &str, what: &str) -> anyhow::Result<Output> {
        let offset = PORT_OFFSET.to_string();
        Ok(self.script(script)?.args([what, "--port-offset", &offset]).output()?)
    }

    fn stop(&self) -> anyhow::Result<Output> {
        Ok(self.script("stop_stack.sh")?.output()?)
    }

    /// The processes of the daemons.
    fn processes(&self) -> anyhow::Result<Vec<String>> {
        let started_on = format!("--data {} --bind", self.folder.display());
        let listed = Command::new("pgrep").args(["--full", "--list-full", "--", &started_on]).output()?;
        Ok(String::from_utf8(listed.stdout)?.lines().map(str::to_owned).collect())
    }
}

impl Drop for Operator<'_> {
    fn drop(&mut self) {
        // It may be stopped already, and there is nobody to tell.
        let _ = self.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stack_started_by_script_outlives_its_shell_and_is_not_started_twice() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let operator = Operator { folder: folder.path() };
    // The old name, from a shell of a session of its own that is killed with all that it left in it.
    let mut shell = Command::new("setsid");
    let start = repository().join("scripts/cutover/start_go_stack.sh");
    shell
        .arg("bash")
        .arg("-c")
        .arg(format!("{} start --port-offset {PORT_OFFSET}; kill -9 -$$", start.display()));
    shell.env("LAKECTL", binary("lakectl")?).env("LAKEHOUSE_DATA", folder.path());
    let ended = shell.status()?;
    ensure!(!ended.success(), "the shell was to be killed: {ended}");

    let gateway = Http::new(format!("http://127.0.0.1:{}", DaemonName::Gateway.port() + PORT_OFFSET));
    gateway.get("/v1/status").expect(200).await?;
    let running = operator.processes()?;
    ensure!(running.len() == DaemonName::ALL.len(), "{running:#?}");

    let again = operator.start("start_stack.sh", "start")?;
    let complaint = String::from_utf8_lossy(&again.stderr);
    ensure!(!again.status.success() && complaint.contains("runs already"), "{again:?}");
    ensure!(operator.processes()? == running, "the second start changed what runs");
    ensure!(operator.start("start_stack.sh", "status")?.status.success(), "all daemons are ok");

    let stopped = operator.stop()?;
    ensure!(stopped.status.success() && operator.processes()?.is_empty(), "{stopped:?}");
    ensure!(!operator.start("start_stack.sh", "status")?.status.success(), "no daemon is there");
    ensure!(operator.stop()?.status.success(), "to stop what does not run is no error");
    Ok(())
}
