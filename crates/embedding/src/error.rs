//! Why texts could not be embedded.

use std::path::PathBuf;
use std::time::Duration;

use models::{Installable, ModelSpec};

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
    /// The operator brings its files; then the call works, without a restart.
    #[error("model {model} is not installed in {}: {remedy}", dir.display())]
    NotInstalled {
        /// Which model.
        model: String,
        /// The cache it was looked for in.
        dir: PathBuf,
        /// How it comes there.
        remedy: String,
    },
    /// Try again in a second.
    #[error("model {model} is being loaded: try again")]
    Loading {
        /// Which model.
        model: String,
    },
    /// The operator brings its files anew.
    #[error("model {model} cannot be used: {reason}: {remedy}")]
    Unusable {
        /// Which model.
        model: String,
        /// A file is not the pinned one, or cannot be read.
        reason: String,
        /// How it comes right.
        remedy: String,
    },
    /// Try again later.
    #[error("{waiting} texts wait for the model, which takes at most {limit}: try again")]
    Overloaded {
        /// Texts in the queue.
        waiting: usize,
        /// Its bound.
        limit: usize,
        /// How long those that wait will take, by what others took lately.
        retry_after: Duration,
    },
    /// Ask for fewer components.
    #[error("`dimensions` is {wanted}: this model's vectors can be cut to 1 to {all} components")]
    Dimension {
        /// What was asked for.
        wanted: usize,
        /// What there is.
        all: usize,
    },
    /// Let it be cut off, or send less of it. Begins as Ollama says it: callers look for the words.
    #[error(
        "the input length exceeds the context length of {read} tokens: shorten text {index} (counted from 0), or let it be cut off (`truncate`)"
    )]
    TooLong {
        /// Which text.
        index: usize,
        /// How many tokens are read.
        read: u32,
    },
    /// Send the text.
    #[error(
        "token {id} is not among the {vocabulary} of this model: tokens are those of its own tokenizer; send texts instead"
    )]
    TokenOutOfRange {
        /// The token.
        id: u32,
        /// How many there are.
        vocabulary: usize,
    },
    /// Send the text.
    #[error("provider {provider} does not take tokens: send texts instead")]
    TokensNotTaken {
        /// Its name.
        provider: String,
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

impl Error {
    pub(crate) fn unusable(spec: &ModelSpec, reason: String) -> Self {
        Self::Unusable { model: spec.name.clone(), reason, remedy: spec.remedy() }
    }
}
