//! The section `[gateway]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// `[gateway]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long `GET /v1/status` waits for a daemon before it calls it down, milliseconds.
    pub status_timeout_ms: u64,
    /// Whether the predecessors' paths are served: `docs/WIRE_COMPATIBILITY.md`.
    pub legacy: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { status_timeout_ms: 2_000, legacy: true }
    }
}

impl Config {
    pub(crate) fn status_timeout(&self) -> Duration {
        Duration::from_millis(self.status_timeout_ms)
    }
}
