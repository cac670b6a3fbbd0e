//! JavaScript programs with packages that nobody here wrote, each in a process of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::binaries;

/// Node.js, whose `require` finds the packages of `crates/testkit/<packages>/package-lock.json`: they are installed unless they
/// are in the user's cache.
///
/// # Errors
/// When they cannot be installed: with what to do.
pub fn node(packages: &str) -> anyhow::Result<Command> {
    let folder = binaries::packages("node-packages.sh", packages)?;
    Ok(command("node".as_ref(), &folder))
}

/// The same with the Bun that is among the packages.
///
/// # Errors
/// When they cannot be installed: with what to do; or when npm has no Bun for this machine.
pub fn bun(packages: &str) -> anyhow::Result<Command> {
    let folder = binaries::packages("node-packages.sh", packages)?;
    // npm installs the one that is made for this processor.
    let mut builds =
        fs::read_dir(folder.join("node_modules/@oven")).context("npm has no Bun for this machine")?;
    let build = builds.next().context("npm has no Bun for this machine")??;
    Ok(command(&build.path().join("bin/bun"), &folder))
}

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("NODE_PATH", folder.join("node_modules")).stdin(Stdio::null());
    command
}
