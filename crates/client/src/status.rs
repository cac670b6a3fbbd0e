//! Asks every daemon how it is.

use std::time::Instant;

use futures::future::join_all;
use wire::health::{DaemonState, DaemonStatus, Health, Overall, Readiness, Status};
use wire::{CallContext, DaemonName};

use crate::{Peer, Peers};

impl Peers {
    /// The state of all eleven daemons, and of each replica where there are several, asked at once. A daemon that does not answer before the deadline is down,
    /// which is an answer: this call cannot fail.
    pub async fn status(&self, ctx: &CallContext) -> Status {
        let peers = DaemonName::ALL.into_iter().flat_map(|daemon| self.each(daemon));
        let daemons = join_all(peers.map(|peer| ask(ctx, peer))).await;
        let is_whole = daemons.iter().all(|daemon| daemon.status == DaemonState::Ok);
        Status { status: if is_whole { Overall::Ok } else { Overall::Degraded }, daemons }
    }
}

async fn ask(ctx: &CallContext, peer: Peer) -> DaemonStatus {
    let started = Instant::now();
    let health = peer.get::<Health>(ctx, "/healthz").await;
    let latency_ms = started.elapsed().as_secs_f64() * 1e3;
    let down = DaemonStatus {
        name: peer.name(),
        url: peer.base_url(),
        status: DaemonState::Down,
        reasons: Vec::new(),
        version: None,
        uptime_s: None,
        rss_bytes: None,
        latency_ms: None,
        requests: None,
        p50_ms: None,
        p99_ms: None,
    };
    let health = match health {
        Ok(health) => health,
        Err(error) => return DaemonStatus { reasons: vec![error.to_string()], ..down },
    };
    let (status, reasons) = readiness(ctx, &peer).await;
    DaemonStatus {
        status,
        reasons,
        version: Some(health.version),
        uptime_s: Some(health.uptime_s),
        rss_bytes: Some(health.rss_bytes),
        latency_ms: Some(latency_ms),
        requests: Some(health.requests),
        p50_ms: Some(health.p50_ms),
        p99_ms: Some(health.p99_ms),
        ..down
    }
}

/// `/readyz` answers 503 with the same body while a daemon is not ready.
async fn readiness(ctx: &CallContext, peer: &Peer) -> (DaemonState, Vec<String>) {
    match peer.get_any_status::<Readiness>(ctx, "/readyz").await {
        Ok(report) if !report.ready => (DaemonState::Starting, report.reasons),
        Ok(report) if report.degraded.is_empty() => (DaemonState::Ok, Vec::new()),
        Ok(report) => (DaemonState::Degraded, report.degraded),
        Err(error) => (DaemonState::Down, vec![error.to_string()]),
    }
}
