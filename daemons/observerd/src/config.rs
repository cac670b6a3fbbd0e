//! The `[observerd]` section.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::store::Retention;

/// The `[observerd]` section.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many events are kept; the oldest arrivals go first.
    pub max_events: u64,
    /// How long an event is kept after its arrival, hours.
    pub max_age_h: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_events: 1_000_000, max_age_h: 30 * 24 }
    }
}

impl Config {
    pub(crate) fn retention(&self) -> Retention {
        let max_age = Duration::from_secs(self.max_age_h.saturating_mul(3600));
        Retention { max_events: self.max_events, max_age }
    }
}
