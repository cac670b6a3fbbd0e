//! `[[chatd.budgets]]`.

use std::path::PathBuf;

use anyhow::Context;
use llm::budget::Limits;
use serde::{Deserialize, Serialize};
use wire::context::Secret;

/// One `[[chatd.budgets]]`: what the caller with one key may ask. The key itself never stands in the file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetConfig {
    /// What errors, metrics and `GET /chat/budgets` call it.
    pub name: String,
    /// The environment variable that holds the caller's key.
    #[serde(deserialize_with = "llm::variable")]
    pub api_key_env: Option<String>,
    /// The file that holds it.
    pub api_key_file: Option<PathBuf>,
    /// Answers that are written for it at the same time, at most; any number if absent.
    pub max_concurrent: Option<u32>,
    /// Tokens read and written for it within any 24 hours, at most; any number if absent.
    pub tokens_per_day: Option<u64>,
}

impl BudgetConfig {
    pub(super) fn limits(&self) -> Limits {
        Limits { max_concurrent: self.max_concurrent, tokens_per_day: self.tokens_per_day }
    }

    pub(super) fn key(&self) -> anyhow::Result<Secret> {
        let key = provider::read_key(self.api_key_env.as_deref(), self.api_key_file.as_deref());
        let key = key
            .map_err(anyhow::Error::msg)
            .and_then(|key| key.context("set `api_key_env` or `api_key_file`, where the caller's key is"));
        key.with_context(|| format!("budget {:?} in [[chatd.budgets]]", self.name))
    }
}
