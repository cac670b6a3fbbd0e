//! What measurements need from outside: data, Python, a place for files.

use std::path::PathBuf;

use anyhow::Context;
use tempfile::TempDir;

use crate::data::{Name, Source};

/// Where things are on this machine.
#[derive(Debug)]
pub(crate) struct Tools {
    /// The folder of the evaluation data.
    pub(crate) data: PathBuf,
    /// A Python that has the peers.
    pub(crate) python: PathBuf,
    /// Where indexes are kept while they are measured.
    pub(crate) scratch: PathBuf,
    pub(crate) is_quick: bool,
}

impl Tools {
    pub(crate) fn source(&self, name: Name) -> Source {
        Source::new(&self.data, name, self.is_quick)
    }

    /// A folder that is gone when this is dropped.
    pub(crate) fn scratch(&self) -> anyhow::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("bench-vectors-").tempdir_in(&self.scratch);
        folder.with_context(|| format!("create a folder in {}", self.scratch.display()))
    }
}
