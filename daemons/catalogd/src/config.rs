//! The `[catalogd]` section.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What can be configured. The warehouse is `lake.warehouse`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where clients of Iceberg REST find the S3 face of storaged, unless they are configured otherwise. Empty: they are
    /// not told.
    pub s3_endpoint: String,
    /// The region that they sign for.
    pub s3_region: String,
    /// How long a repeated `Idempotency-Key` still gets the first answer, hours.
    pub idempotency_retention_h: u64,
}

impl Default for Config {
    /// The S3 face on its own port of the same machine.
    fn default() -> Self {
        Self {
            s3_endpoint: "http://127.0.0.1:4221".to_owned(),
            s3_region: "us-east-1".to_owned(),
            idempotency_retention_h: 7 * 24,
        }
    }
}

impl Config {
    /// The `defaults` of the catalogue's configuration, by the names that clients know.
    pub(crate) fn client_defaults(&self) -> BTreeMap<String, String> {
        if self.s3_endpoint.is_empty() {
            return BTreeMap::new();
        }
        let pairs = [
            ("s3.endpoint", self.s3_endpoint.as_str()),
            ("s3.region", self.s3_region.as_str()),
            ("s3.path-style-access", "true"),
        ];
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }
}
