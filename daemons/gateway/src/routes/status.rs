//! `GET /v1/status`: the state of every daemon.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use client::Peers;
use service::{Ctx, Json};
use wire::health::Status;
use wire::{CallContext, Problem};

/// What is watched, and how patiently.
pub(crate) struct Watch {
    pub(crate) peers: Peers,
    pub(crate) timeout: Duration,
}

/// The state, version, uptime, memory and latency of every daemon.
#[utoipa::path(get, path = "/v1/status", responses(
    (status = 200, body = Status, description = "also when daemons are down: the body says which"),
    (status = "4XX", body = Problem),
))]
pub(crate) async fn status(State(watch): State<Arc<Watch>>, Ctx(ctx): Ctx) -> Json<Status> {
    let deadline = ctx.deadline.min(Instant::now() + watch.timeout);
    Json(watch.peers.status(&CallContext { deadline, ..ctx }).await)
}
