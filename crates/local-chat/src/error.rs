//! Why there is no answer.

use models::ModelsError;

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Why there is no answer; its text is for the caller.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Its files are not here, or are not as pinned.
    #[error("{0}")]
    NotInstalled(String),
    /// The request asks for what the model cannot do.
    #[error("{0}")]
    Unsupported(String),
    /// As many as may wait do so.
    #[error("{0} requests wait for the model already")]
    Busy(usize),
    /// The model cannot be used, or has failed.
    #[error("{0}")]
    Failed(String),
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<tokenizers::Error> for Error {
    fn from(error: tokenizers::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ModelsError> for Error {
    fn from(error: ModelsError) -> Self {
        Self::NotInstalled(error.to_string())
    }
}

impl Error {
    /// The same, told by `provider` of `model`, whose files are looked for at `url`.
    pub(crate) fn told_by(self, provider: &str, url: &str, model: &str) -> provider::Error {
        let (provider, url, model) = (provider.to_owned(), url.to_owned(), model.to_owned());
        match self {
            Self::NotInstalled(hint) => provider::Error::ModelMissing { provider, url, model, hint },
            Self::Unsupported(reason) => provider::Error::Unsupported { provider, kind: "local", reason },
            Self::Busy(_) => {
                let (message, retry_after_s) = (self.to_string(), Some(RETRY_AFTER_S));
                provider::Error::Refused { provider, url, status: 429, message, retry_after_s }
            }
            Self::Failed(reason) => provider::Error::Malformed { provider, url, reason },
        }
    }
}

/// About the time of one answer.
const RETRY_AFTER_S: u64 = 5;
