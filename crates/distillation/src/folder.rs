//! The folders of runs, below `runs/` of the knowledge base.
//!
//! A folder is there as a whole or not at all: it is written under another name, synced, and renamed. It is for its owner
//! alone, as the inputs are records as they were kept.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::run::files;
use crate::{About, FileSum, Inputs, Receipt, Run, Summary};

/// Below the folder of the knowledge base.
const RUNS: &str = "runs";
const OWNER_ONLY: u32 = 0o700;

/// Why a run could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system refused.
    #[error("{what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file that does not say what it should.
    #[error("{} is not what a run leaves", path.display())]
    Json {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The folder of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// Keeps a run below `kb`, durably. Its folder is named after the time of `about` and after the receipt.
    ///
    /// # Errors
    /// When it cannot be written, or is there already; nothing is left of it then.
    pub fn create(kb: &Path, run: &Run, about: About) -> Result<Self, RunError> {
        let runs = kb.join(RUNS);
        fs::create_dir_all(&runs).map_err(failed("create", &runs))?;
        let receipt = pretty(Path::new(files::RECEIPT), &run.receipt)?;
        let digest = FileSum::of(receipt.as_bytes()).sha256;
        let name = format!("{}-{}", about.time.strftime("%Y%m%dT%H%M%SZ"), &digest[..8]);
        let summary = pretty(Path::new(files::SUMMARY), &Summary { about, collect: run.collect })?;
        let own = [(files::RECEIPT, receipt.as_str()), (files::SUMMARY, summary.as_str())];
        let contents = run.contents.iter().map(|(name, content)| (*name, content.as_str())).chain(own);

        let (hidden, folder) = (runs.join(format!(".{name}.{}", std::process::id())), runs.join(name));
        let placed = write_all(&hidden, contents)
            .and_then(|()| fs::rename(&hidden, &folder).map_err(failed("rename into place", &folder)));
        if placed.is_err() {
            // Best effort: a name that begins with a dot is no run.
            let _ = fs::remove_dir_all(&hidden);
        }
        placed?;
        sync_folder(&runs)?;
        Ok(Self(folder))
    }

    /// A folder that is there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The newest run below `kb`; none if there is none.
    ///
    /// # Errors
    /// When the folder of runs cannot be read.
    pub fn newest(kb: &Path) -> Result<Option<Self>, RunError> {
        let runs = kb.join(RUNS);
        let entries = match fs::read_dir(&runs) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(failed("list", &runs))?,
        };
        let paths: Vec<_> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()
            .map_err(failed("list", &runs))?;
        let is_run = |path: &PathBuf| path.is_dir() && !name_of(path).starts_with('.');
        Ok(paths.into_iter().filter(is_run).max().map(Self))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Its name, which begins with when it was collected.
    pub fn name(&self) -> String {
        name_of(&self.0)
    }

    /// The receipt.
    ///
    /// # Errors
    /// When it is not there, or is none.
    pub fn receipt(&self) -> Result<Receipt, RunError> {
        self.json(files::RECEIPT)
    }

    /// The summary.
    ///
    /// # Errors
    /// When it is not there, or is none.
    pub fn summary(&self) -> Result<Summary, RunError> {
        self.json(files::SUMMARY)
    }

    /// What went in.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn inputs(&self) -> Result<Inputs, RunError> {
        let lines = |name: &str| -> Result<Vec<String>, RunError> {
            Ok(self.text(name)?.lines().map(str::to_owned).collect())
        };
        Ok(Inputs {
            events: lines(files::EVENTS)?,
            pathways: lines(files::PATHWAYS)?,
            playbooks: lines(files::PLAYBOOKS)?,
            searches: lines(files::SEARCHES)?,
        })
    }

    /// The content of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn text(&self, name: &str) -> Result<String, RunError> {
        let path = self.0.join(name);
        fs::read_to_string(&path).map_err(failed("read", &path))
    }

    /// The rows of a file.
    ///
    /// # Errors
    /// When it cannot be read, or a line is something else.
    pub fn rows<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, RunError> {
        let path = self.0.join(name);
        let row = |line: &str| {
            serde_json::from_str(line).map_err(|source| RunError::Json { path: path.clone(), source })
        };
        self.text(name)?.lines().map(row).collect()
    }

    /// Where the files differ from what the receipt says of them, in words; nothing if they do not.
    ///
    /// # Errors
    /// When the receipt or the folder cannot be read.
    pub fn differences(&self) -> Result<Vec<String>, RunError> {
        let receipt = self.receipt()?;
        let mut differences = Vec::new();
        for (name, expected) in receipt.inputs.iter().chain(&receipt.outputs) {
            match fs::read(self.0.join(name)) {
                Ok(content) if FileSum::of(&content) == *expected => {}
                Ok(content) => {
                    let found = FileSum::of(&content);
                    differences.push(format!(
                        "{name} has {} rows and another sum than the receipt says",
                        found.rows
                    ));
                }
                Err(error) => differences.push(format!("{name}: {error}")),
            }
        }
        let is_known = |name: &str| {
            let own = [files::RECEIPT, files::SUMMARY].contains(&name);
            own || receipt.inputs.contains_key(name) || receipt.outputs.contains_key(name)
        };
        let mut found = BTreeSet::new();
        names_below(&self.0, "", &mut found)?;
        let unnamed = found.iter().filter(|name| !is_known(name));
        differences.extend(unnamed.map(|name| format!("{name} is not in the receipt")));
        Ok(differences)
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, RunError> {
        let json = self.text(name)?;
        serde_json::from_str(&json).map_err(|source| RunError::Json { path: self.0.join(name), source })
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> RunError + use<> {
    let path = path.to_owned();
    move |source| RunError::Io { what, path: path.clone(), source }
}

fn pretty(path: &Path, value: &impl Serialize) -> Result<String, RunError> {
    let json = serde_json::to_string_pretty(value);
    json.map(|json| json + "\n").map_err(|source| RunError::Json { path: path.to_owned(), source })
}

/// Writes the files of a run into a new folder and syncs all of it.
fn write_all<'a>(folder: &Path, contents: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), RunError> {
    let create =
        |folder: &Path| DirBuilder::new().mode(OWNER_ONLY).create(folder).map_err(failed("create", folder));
    create(folder)?;
    let mut inner = BTreeSet::new();
    for (name, content) in contents {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder).to_owned();
        if parent != folder && inner.insert(parent.clone()) {
            create(&parent)?;
        }
        let write = || {
            let mut file = File::create_new(&path)?;
            file.write_all(content.as_bytes())?;
            file.sync_all()
        };
        write().map_err(failed("write", &path))?;
    }
    inner.iter().try_for_each(|folder| sync_folder(folder))?;
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> Result<(), RunError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))
}

/// The files below `folder`, each with a slash after the folders that it is in.
fn names_below(folder: &Path, prefix: &str, names: &mut BTreeSet<String>) -> Result<(), RunError> {
    for entry in fs::read_dir(folder).map_err(failed("list", folder))? {
        let path = entry.map_err(failed("list", folder))?.path();
        let name = format!("{prefix}{}", name_of(&path));
        if path.is_dir() {
            names_below(&path, &format!("{name}/"), names)?;
        } else {
            names.insert(name);
        }
    }
    Ok(())
}
