//! Model files on this machine: which models there are, where their files are kept, whether they are whole, and how they get there.
//!
//! [`Registry`] is the door: it describes embedding models and chat models. What runs them is elsewhere; a model's files are fetched
//! ([`pull`]) and compared with their pins ([`verify`]) whatever they are for ([`Installable`]).

mod chat;
mod embedding;
mod error;
pub mod install;
mod installable;
mod pull;
mod registry;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

pub use chat::{ChatModelSpec, DEFAULT_CHAT_MODEL, Template};
pub use embedding::{DEFAULT_MODEL, ModelKind, ModelSpec, Origin, Pooling};
pub use error::ModelsError;
pub use installable::{Installable, Member, ModelFile, Package};
pub use pull::{Pulled, Source, Stage, pull};
pub use registry::{Prefixes, REGISTRY_FILE, Registry};

/// Names the cache of model files; the default is `lakehouse/models` under the user's cache folder.
pub const MODELS_DIR_VARIABLE: &str = "LAKEHOUSE_MODELS";

/// The cache of model files: `$LAKEHOUSE_MODELS`, else `$XDG_CACHE_HOME/lakehouse/models`, else
/// `$HOME/.cache/lakehouse/models` (XDG Base Directory Specification 0.8, section 3).
///
/// # Errors
/// [`ModelsError::NoHome`] when none of the three is set.
pub fn default_dir() -> Result<PathBuf, ModelsError> {
    dir_from(|variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn dir_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, ModelsError> {
    if let Some(dir) = variable(MODELS_DIR_VARIABLE) {
        return Ok(dir);
    }
    let cache = variable("XDG_CACHE_HOME").filter(|dir| dir.is_absolute());
    cache
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("lakehouse").join("models"))
        .ok_or(ModelsError::NoHome)
}

/// Whether a model's files are here and are the pinned ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ModelState {
    /// Every file has its pinned SHA-256.
    Installed,
    /// Some file is not there.
    Missing,
    /// Some file has other bytes than pinned.
    Damaged {
        /// Which file.
        file: PathBuf,
    },
}

/// Reads every file of `model` under the cache `dir` and compares it with its pin.
///
/// # Errors
/// [`ModelsError::Io`] when a file is there but cannot be read.
pub fn verify(model: &dyn Installable, dir: &Path) -> Result<ModelState, ModelsError> {
    for pinned in model.files() {
        let path = dir.join(model.name()).join(&pinned.file);
        match sha256_of_file(&path) {
            Ok(digest) if digest == pinned.sha256 => {}
            Ok(_) => return Ok(ModelState::Damaged { file: path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ModelState::Missing),
            Err(error) => return Err(ModelsError::io("read", path)(error)),
        }
    }
    Ok(ModelState::Installed)
}

/// SHA-256 of `bytes`, lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hex(&hasher.finalize()))
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir_with(set: &[(&str, &str)]) -> Option<PathBuf> {
        dir_from(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))).ok()
    }

    #[test]
    fn cache_is_outside_the_checkout_and_can_be_moved() {
        let home = ("HOME", "/home/ada");
        assert_eq!(dir_with(&[home]), Some("/home/ada/.cache/lakehouse/models".into()));
        assert_eq!(dir_with(&[home, ("XDG_CACHE_HOME", "/c")]), Some("/c/lakehouse/models".into()));
        assert_eq!(dir_with(&[home, ("LAKEHOUSE_MODELS", "/m")]), Some("/m".into()));
        assert_eq!(dir_with(&[]), None);
    }

    #[test]
    fn relative_xdg_cache_home_is_ignored_as_its_specification_asks() {
        let dir = dir_with(&[("HOME", "/home/ada"), ("XDG_CACHE_HOME", "here")]);
        assert_eq!(dir, Some("/home/ada/.cache/lakehouse/models".into()));
    }

    #[test]
    fn sha256_is_that_of_fips_180_2() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
