//! `[chatd]`.

use llm::budget::Limits;
use llm::{ProviderSettings, Route};
use serde::{Deserialize, Serialize};

use crate::{BudgetConfig, RecordingConfig};

/// `[chatd]`: which providers there are, and the bounds of a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The providers, in the order in which they are tried.
    pub providers: Vec<ProviderSettings>,
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
            providers: vec![ProviderSettings::default()],
            routes: Vec::new(),
            default_budget: Limits::default(),
            budgets: Vec::new(),
            recording: RecordingConfig::default(),
            max_messages: 1000,
            max_body_bytes: 4 << 20,
        }
    }
}
