//! `[chatd.local]`: chat models that run in the daemon itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use llm::{Kind, LocalModels, ProviderSettings};
use serde::{Deserialize, Serialize};

/// `[chatd.local]`: what providers of the kind `local` share.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocalConfig {
    /// Where model files are kept; absent: `$LAKEHOUSE_MODELS`, else `lakehouse/models` in the user's cache folder.
    pub models_dir: Option<PathBuf>,
    /// Requests that wait for the one that is answered, at most; more are refused with 429.
    pub max_waiting: usize,
    /// How long a model that nobody asks stays in memory, seconds.
    pub idle_s: u64,
}

impl Default for LocalConfig {
    fn default() -> Self {
        Self { models_dir: None, max_waiting: 16, idle_s: 300 }
    }
}

/// The models that `providers` ask for, if one of them is of the kind `local`; `data_dir` is the daemon's folder.
///
/// # Errors
/// When what is described beside the model files cannot be read.
#[cfg(feature = "local")]
pub(crate) fn models(
    providers: &[ProviderSettings],
    config: &LocalConfig,
    data_dir: &Path,
) -> anyhow::Result<Option<Arc<dyn LocalModels>>> {
    if providers.iter().all(|provider| provider.kind != Kind::Local) {
        return Ok(None);
    }
    let dir = config.models_dir.clone().map_or_else(models::default_dir, Ok);
    // A daemon without a home has its folder: whoever wants a model finds in the error where to put it.
    let dir = dir.unwrap_or_else(|_| data_dir.join("models"));
    let idle = std::time::Duration::from_secs(config.idle_s);
    let settings = local_chat::Settings { dir, max_waiting: config.max_waiting, idle };
    let models = local_chat::LocalChat::start(settings).map_err(anyhow::Error::msg)?;
    Ok(Some(Arc::new(models)))
}

/// None are part of this build.
///
/// # Errors
/// None.
#[cfg(not(feature = "local"))]
pub(crate) fn models(
    _: &[ProviderSettings],
    _: &LocalConfig,
    _: &Path,
) -> anyhow::Result<Option<Arc<dyn LocalModels>>> {
    Ok(None)
}
