//! The `[pathwayd]` section.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The `[pathwayd]` section.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a repeated `Idempotency-Key` still gets the first answer, hours.
    pub idempotency_retention_h: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { idempotency_retention_h: 7 * 24 }
    }
}

impl Config {
    pub(crate) fn idempotency_retention(&self) -> Duration {
        Duration::from_secs(self.idempotency_retention_h.saturating_mul(3600))
    }
}
