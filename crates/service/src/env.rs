//! What a daemon finds around it when it is built.

use std::path::PathBuf;

use client::Peers;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Readiness;

/// What a daemon finds around it when it is built; cheap to clone.
#[derive(Debug, Clone)]
pub struct Env {
    /// The daemon's own folder; it exists, and no other process of the same daemon uses it.
    pub data_dir: PathBuf,
    /// The URL of the warehouse: `file:///…` or `s3://…`.
    pub warehouse: String,
    /// Clients for the other daemons.
    pub peers: Peers,
    /// What `/readyz` says.
    pub readiness: Readiness,
    /// Cancelled when the daemon is asked to stop: background work ends then.
    pub shutdown: CancellationToken,
    /// Background tasks; the daemon exits after they have ended.
    pub tasks: TaskTracker,
}
