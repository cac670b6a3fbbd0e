//! The `[catalogd]` section.

use serde::{Deserialize, Serialize};

/// What can be configured: nothing yet. The warehouse is `lake.warehouse`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {}
