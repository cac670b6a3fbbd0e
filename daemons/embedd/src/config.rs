//! `[embedd]`.

use std::path::{Path, PathBuf};

use embedding::{DiskCacheSettings, ProviderSettings, Settings};
use models::DEFAULT_MODEL;
use serde::{Deserialize, Serialize};

/// `[embedd]`: which models there are, and the bounds of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The model for requests that name none.
    pub default_model: String,
    /// Where model files are kept; absent: `$LAKEHOUSE_MODELS`, else `lakehouse/models` in the user's cache folder.
    pub models_dir: Option<PathBuf>,
    /// Threads that one inference uses; 0 means as many as there are cores.
    pub threads: usize,
    /// Texts in one request at most.
    pub max_texts: usize,
    /// Bytes of one text at most; a model reads some hundred words and cuts off the rest.
    pub max_text_bytes: usize,
    /// Texts that may wait for a local model, those of searches and those of bulk work each; more are refused with 429.
    pub queue_texts: usize,
    /// Vectors that are remembered, least recently used going first; one takes about 1.6 kB at 384 dimensions.
    pub cache_entries: usize,
    /// Bytes of vectors that are kept on disk, in the daemon's folder, and survive a restart; the oldest go first. 0: none.
    pub disk_cache_bytes: u64,
    /// Providers of further models.
    pub providers: Vec<ProviderSettings>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_model: DEFAULT_MODEL.to_owned(),
            models_dir: None,
            threads: 0,
            max_texts: 1024,
            max_text_bytes: 64 << 10,
            queue_texts: 4096,
            cache_entries: 20_000,
            disk_cache_bytes: 0,
            providers: Vec::new(),
        }
    }
}

impl Config {
    /// What the embedder is made of; `data_dir` is the daemon's folder.
    ///
    /// # Errors
    /// When there is no folder for model files.
    pub(crate) fn embedder(&self, data_dir: &Path) -> Result<Settings, models::ModelsError> {
        let kept = |max_bytes| DiskCacheSettings { file: data_dir.join("vectors.sqlite"), max_bytes };
        Ok(Settings {
            default_model: self.default_model.clone(),
            models_dir: self.models_dir.clone().map_or_else(models::default_dir, Ok)?,
            threads: self.threads,
            queue_texts: self.queue_texts,
            cache_entries: self.cache_entries,
            disk_cache: (self.disk_cache_bytes > 0).then(|| kept(self.disk_cache_bytes)),
            providers: self.providers.clone(),
        })
    }
}
