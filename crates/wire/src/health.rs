//! What `/healthz`, `/readyz` and the gateway's `/v1/status` say.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DaemonName;

/// Body of `GET /healthz`: the process is alive, and these are its vital signs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// Always `"ok"`: a dead process does not answer.
    pub status: String,
    /// Which daemon this is.
    pub daemon: DaemonName,
    /// The version of the build.
    pub version: String,
    /// Seconds since the process started.
    pub uptime_s: u64,
    /// Resident memory, bytes.
    pub rss_bytes: u64,
    /// Requests answered since start, the probes under `/healthz`, `/readyz` and `/metrics` not counted.
    pub requests: u64,
    /// Median time to answer those requests, milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of the same.
    pub p99_ms: f64,
}

/// Body of `GET /readyz`: 200 when the daemon can serve, 503 with `reasons` until then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Whether the daemon can serve.
    pub ready: bool,
    /// Why it cannot, yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// What is impaired although it serves: a quarantined index, a peer that does not answer.
    #[serde(default)]
    pub degraded: Vec<String>,
}

/// Body of the gateway's `GET /v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// `ok` when every daemon is.
    pub status: Overall,
    /// All eleven, in the order of their ports.
    pub daemons: Vec<DaemonStatus>,
}

/// The sum of all daemons' states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Overall {
    /// Every daemon is ready and unimpaired.
    Ok,
    /// At least one daemon is down, not ready or impaired.
    Degraded,
}

/// The state of one daemon as the gateway sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DaemonState {
    /// Ready and unimpaired.
    Ok,
    /// Ready, but something is impaired.
    Degraded,
    /// Alive, not ready.
    Starting,
    /// Does not answer.
    Down,
}

/// One daemon's line in [`Status`].
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DaemonStatus {
    /// Which daemon.
    pub name: DaemonName,
    /// Where it is looked for.
    pub url: String,
    /// What state it is in.
    pub status: DaemonState,
    /// What is impaired or missing, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The version of its build; absent while it is down, like all that follows.
    pub version: Option<String>,
    /// Seconds since its start.
    pub uptime_s: Option<u64>,
    /// Its resident memory, bytes.
    pub rss_bytes: Option<u64>,
    /// How long its `/healthz` took to answer, milliseconds.
    pub latency_ms: Option<f64>,
    /// Requests it has answered.
    pub requests: Option<u64>,
    /// Median time to answer, milliseconds.
    pub p50_ms: Option<f64>,
    /// 99th percentile of the same.
    pub p99_ms: Option<f64>,
}
