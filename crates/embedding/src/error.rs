//! Why texts could not be embedded.

use std::path::PathBuf;

/// The result of embedding.
pub type Result<T> = std::result::Result<T, Error>;

/// Why texts could not be embedded, and so what the caller can do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Ask for one of the known models.
    #[error("no model is named {model:?}; known here: {}", known.join(", "))]
    UnknownModel {
        /// What was asked for.
        model: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The operator pulls the model; then the call works, without a restart.
    #[error("model {model} is not installed in {}: run `lakectl models pull`", dir.display())]
    NotInstalled {
        /// Which model.
        model: String,
        /// The cache it was looked for in.
        dir: PathBuf,
    },
    /// Try again in a second.
    #[error("model {model} is being loaded: try again")]
    Loading {
        /// Which model.
        model: String,
    },
    /// The operator pulls the model again, which replaces it.
    #[error("model {model} cannot be used: {reason}: run `lakectl models pull`")]
    Unusable {
        /// Which model.
        model: String,
        /// A file is not the pinned one, or cannot be read.
        reason: String,
    },
    /// Try again later.
    #[error("{waiting} texts wait for the model, which takes at most {limit}: try again")]
    Overloaded {
        /// Texts in the queue.
        waiting: usize,
        /// Its bound.
        limit: usize,
    },
    /// A fault of ours.
    #[error("the model failed on this text: {0}")]
    Inference(String),
    /// A provider failed.
    #[error(transparent)]
    Provider(#[from] provider::Error),
    /// The configuration cannot work.
    #[error("{0}")]
    Configuration(String),
}
