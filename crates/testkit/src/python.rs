//! Python programs with packages that nobody here wrote, each in a process of its own.

use std::process::{Command, Stdio};

use crate::binaries;

/// A Python interpreter that finds the packages of `crates/testkit/<packages>/requirements.txt`: they are installed unless
/// they are in the user's cache.
///
/// # Errors
/// When they cannot be installed: with what to do.
pub fn python(packages: &str) -> anyhow::Result<Command> {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", binaries::packages("python-packages.sh", packages)?).stdin(Stdio::null());
    Ok(command)
}
