//! `[chatd]`.

use llm::budget::Limits;
use llm::{Kind, ProviderSettings, Route};
use serde::{Deserialize, Serialize};

use crate::{BudgetConfig, LocalConfig, RecordingConfig};

/// `[chatd]`: which providers there are, and the bounds of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The providers, in the order in which they are tried.
    pub providers: Vec<ProviderSettings>,
    /// The models that run in the daemon itself, which providers of the kind `local` answer with.
    pub local: LocalConfig,
    /// Which of them are tried for which models, and in which order; where none says so, all that have the model.
    pub routes: Vec<Route>,
    /// What each caller may ask whose key has no budget of its own, and what those without a key may ask together.
    pub default_budget: Limits,
    /// What the callers with certain keys may ask.
    pub budgets: Vec<BudgetConfig>,
    /// Whether observerd is told of every exchange.
    pub recording: RecordingConfig,
    /// Messages in one conversation at most.
    pub max_messages: usize,
    /// The largest request body, bytes.
    pub max_body_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            providers: default_providers(),
            local: LocalConfig::default(),
            routes: Vec::new(),
            default_budget: Limits::default(),
            budgets: Vec::new(),
            recording: RecordingConfig::default(),
            max_messages: 1000,
            max_body_bytes: 4 << 20,
        }
    }
}

/// An Ollama on this machine, and where none answers the daemon's own model.
fn default_providers() -> Vec<ProviderSettings> {
    let local = ProviderSettings { name: "local".into(), kind: Kind::Local, ..ProviderSettings::default() };
    let own = cfg!(feature = "local").then_some(local);
    [ProviderSettings::default()].into_iter().chain(own).collect()
}
