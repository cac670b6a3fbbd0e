//! Where cargo put what the tests run, relative to the test's own executable in `target/<profile>/deps`.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

/// The executable of a daemon or of `lakectl`.
///
/// # Errors
/// When it has not been built: says how to.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let test = env::current_exe().context("find the test's own executable")?;
    let profile = test.ancestors().nth(2).context("the test runs from target/<profile>/deps")?;
    let path = profile.join(name);
    ensure!(path.is_file(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    Ok(path)
}

/// The library that shows a lossy disk the syncs of a program; cargo builds it as a dependency of this crate.
pub(crate) fn lossy_disk_preload() -> anyhow::Result<PathBuf> {
    let path = env::current_exe()?.with_file_name("liblossy_disk_preload.so");
    ensure!(path.is_file(), "{} is missing: run `cargo build -p lossy-disk-preload`", path.display());
    Ok(path)
}

/// Runs `lakectl` to its end and returns what it wrote to standard output.
///
/// # Errors
/// When it fails: with what it wrote to standard error.
pub fn lakectl(arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let output = Command::new(binary("lakectl")?).args(arguments).output().context("run lakectl")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "lakectl {} failed: {complaint}", arguments.join(" "));
    Ok(output.stdout)
}

/// The folder of packages that tests run against, which `script` installs there unless it is in the user's cache.
pub(crate) fn packages(script: &str, name: &str) -> anyhow::Result<PathBuf> {
    let script = repository().join("scripts").join(script);
    let output =
        Command::new(&script).arg(name).output().with_context(|| format!("run {}", script.display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim_end()))
}

/// Fetches a model, unless it is in the user's cache.
///
/// # Errors
/// When there is no model of that name, or it cannot be fetched.
pub fn pull_model(name: &str) -> anyhow::Result<()> {
    lakectl(&["models", "pull", name]).map(drop)
}

/// The root of the checkout, for the files that the repository carries. It is looked up when a test runs: where checkouts
/// share a target folder, another one may have built the test.
pub fn repository() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from);
    let root = package.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    root.unwrap_or(&package).to_owned()
}
