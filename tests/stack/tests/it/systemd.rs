//! The units of `deploy/systemd`: what systemd itself makes of them, what their installation leaves, and what it is told.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, ensure};
use testkit::{Stack, repository};
use wire::DaemonName;

/// The exposure that a unit may have, in tenths: `systemd-analyze security`.
const MAX_EXPOSURE: &str = "25";
/// What systemd's own units are read from, to check ours against them.
const SYSTEM_UNITS: &str = "/usr/lib/systemd/system";

/// A root folder with the units, and programs in the place of the daemons.
struct Root(tempfile::TempDir);

impl Root {
    fn new() -> anyhow::Result<Self> {
        let root = Self(tempfile::tempdir()?);
        fs::create_dir(root.path().join("bin"))?;
        for name in DaemonName::ALL.map(DaemonName::as_str).into_iter().chain(["lakectl"]) {
            fs::copy("/bin/true", root.path().join("bin").join(name))?;
        }
        Ok(root)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run_installer(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut installer = Command::new(repository().join("deploy/systemd/install.sh"));
        installer.arg("--root").arg(self.path().join("root")).arg("--bin").arg(self.path().join("bin"));
        said(&installer.args(arguments).output().context("run install.sh")?)
    }

    /// Every file below the root with its content.
    fn files(&self) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.path().join("root")]);
        while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.insert(path.clone(), fs::read(path)?);
                }
            }
        }
        Ok(files)
    }
}

/// What a program wrote, if it succeeded.
fn said(output: &Output) -> anyhow::Result<String> {
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {text}", output.status);
    Ok(text)
}

/// Whether this machine can judge units; says so where it cannot.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn has_systemd() -> bool {
    let has =
        Command::new("systemd-analyze").arg("--version").output().is_ok() && Path::new(SYSTEM_UNITS).is_dir();
    if !has {
        eprintln!("skipped: systemd-analyze is not installed here (Debian: apt-get install systemd)");
    }
    has
}

#[test]
fn systemd_understands_every_unit_and_finds_little_exposed() -> anyhow::Result<()> {
    if !has_systemd() {
        return Ok(());
    }
    let root = Root::new()?;
    root.run_installer(&[])?;
    let below = root.path().join("root");
    fs::create_dir_all(below.join("usr/lib/systemd"))?;
    said(&Command::new("cp").arg("-a").arg(SYSTEM_UNITS).arg(below.join("usr/lib/systemd")).output()?)?;
    let below = format!("--root={}", below.display());
    let units = DaemonName::ALL.map(|daemon| format!("lakehouse-{daemon}.service"));
    let verified =
        Command::new("systemd-analyze").args(["verify", &below, "lakehouse.target"]).args(&units).output()?;
    // It warns of what it does not know, and goes on.
    assert_eq!(said(&verified)?, "");
    for unit in &units {
        let threshold = format!("--threshold={MAX_EXPOSURE}");
        let judged = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager", &threshold, &below, unit])
            .output()?;
        said(&judged).with_context(|| unit.clone())?;
    }
    Ok(())
}

#[test]
fn installing_again_and_uninstalling_leave_configuration_secrets_and_data_alone() -> anyhow::Result<()> {
    let root = Root::new()?;
    root.run_installer(&[])?;
    let mine =
        ["etc/lakehouse/lakehouse.toml", "etc/lakehouse/credentials/tokens/front-end", "var/lib/lakehouse/x"]
            .map(|path| root.path().join("root").join(path));
    for path in &mine {
        fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        fs::write(path, "mine")?;
    }
    let installed = root.files()?;
    root.run_installer(&[])?;
    assert_eq!(root.files()?, installed);
    let kept = BTreeMap::from(mine.map(|path| (path, b"mine".to_vec())));
    for _ in 0..2 {
        root.run_installer(&["--uninstall"])?;
        assert_eq!(root.files()?, kept);
    }
    Ok(())
}

#[test]
fn dry_run_says_what_would_be_done_and_does_nothing() -> anyhow::Result<()> {
    let root = Root::new()?;
    let plan = root.run_installer(&["--dry-run"])?;
    assert!(plan.contains("lakehouse-gateway.service") && plan.contains("lakehouse.toml"), "{plan}");
    assert!(root.files()?.is_empty());
    root.run_installer(&[])?;
    let installed = root.files()?;
    let plan = root.run_installer(&["--uninstall", "--dry-run"])?;
    assert!(plan.contains("rm --force"), "{plan}");
    assert_eq!(root.files()?, installed);
    Ok(())
}

#[test]
fn installer_without_binaries_names_what_is_missing_and_installs_nothing() -> anyhow::Result<()> {
    let root = Root::new()?;
    fs::remove_file(root.path().join("bin/vectord"))?;
    let refused = root.run_installer(&[]).err().context("it was not refused")?.to_string();
    assert!(refused.contains("bin/vectord is not there") && refused.contains("--bin"), "{refused}");
    assert!(root.files()?.is_empty());
    Ok(())
}

#[tokio::test]
async fn service_manager_is_told_that_a_daemon_is_ready_that_it_lives_and_that_it_stops() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path)?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    let told = move || {
        let mut message = [0; 4096];
        let length = socket.recv(&mut message).context("hear of the daemon")?;
        anyhow::Ok(String::from_utf8_lossy(message.get(..length).unwrap_or_default()).into_owned())
    };
    let pathwayd =
        Stack::of(&[DaemonName::Pathwayd]).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let mut stack = pathwayd.start().await?;
    let first = told()?;
    assert_eq!(first.lines().collect::<Vec<_>>(), ["WATCHDOG=1", "STATUS=ready", "READY=1"]);
    for _ in 0..3 {
        assert_eq!(told()?.trim(), "WATCHDOG=1");
    }
    stack.daemon(DaemonName::Pathwayd)?.stop().await?;
    while told()? != "STOPPING=1\n" {}
    Ok(())
}
