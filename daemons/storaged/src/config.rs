//! The `[storaged]` section.

use serde::{Deserialize, Serialize};

/// What can be configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The largest object that a put takes, bytes; larger ones are refused with 413.
    pub max_object_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_object_bytes: 64 << 30 }
    }
}
