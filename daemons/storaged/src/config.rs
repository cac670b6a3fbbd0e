//! The `[storaged]` section.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wire::names::S3_PORT;

/// What can be configured.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The largest object that a put takes, bytes; larger ones are refused with 413.
    pub max_object_bytes: u64,
    /// `[storaged.s3]`: the S3 face.
    pub s3: S3Config,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_object_bytes: 64 << 30, s3: S3Config::default() }
    }
}

/// The S3 face.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// Whether there is one.
    pub enabled: bool,
    /// Where it listens. Every request must be signed, wherever that is.
    pub bind: SocketAddr,
    /// The access key id of its one key pair.
    pub access_key_id: String,
    /// The file that holds the secret access key; if absent, `s3-secret` in the daemon's folder, drawn at the first start.
    pub secret_access_key_file: Option<PathBuf>,
    /// Requests at once; more are told to slow down.
    pub max_in_flight: usize,
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            enabled: true,
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, S3_PORT)),
            access_key_id: "lakehouse".to_owned(),
            secret_access_key_file: None,
            max_in_flight: 256,
        }
    }
}
