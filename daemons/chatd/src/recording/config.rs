//! `[chatd.recording]`.

use serde::{Deserialize, Serialize};

/// `[chatd.recording]`: whether observerd is told of every exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecordingConfig {
    /// Whether it is.
    pub enabled: bool,
    /// Whether it is also told what was said. That may be anything that callers write, personal data included.
    pub content: bool,
    /// Records that may wait for observerd; further ones are dropped.
    pub queue: usize,
}

impl Default for RecordingConfig {
    fn default() -> Self {
        Self { enabled: false, content: false, queue: 1024 }
    }
}
