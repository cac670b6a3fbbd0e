//! How the harness reaches the stack.

use std::time::Duration;

use anyhow::Context;
use client::{PeerUrls, Peers};
use wire::context::Secret;
use wire::health::Status;
use wire::{CallContext, DaemonName};

use crate::connection::Gateway;

/// How long an ordinary call of the harness itself may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The gateway as users reach it, and clients for what the harness does besides.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// For the users, whose calls are counted and timed.
    pub(crate) gateway: Gateway,
    /// For preparing and checking.
    pub(crate) peers: Peers,
    token: Option<Secret>,
}

impl Session {
    /// # Errors
    /// When `url` is no address of a gateway.
    pub(crate) fn new(url: &str, token: Option<Secret>) -> anyhow::Result<Self> {
        let gateway = Gateway::new(url, token.as_ref())?;
        let peers = Peers::new(PeerUrls::behind_gateway(url)).context("open a client")?;
        Ok(Self { gateway, peers, token })
    }

    /// What the gateway says of all daemons.
    pub(crate) async fn status(&self) -> anyhow::Result<Status> {
        let gateway = self.peers.peer(DaemonName::Gateway);
        gateway
            .get(&self.call(PATIENCE), "/v1/status")
            .await
            .context("ask the gateway for the state of the stack")
    }

    pub(crate) fn call(&self, budget: Duration) -> CallContext {
        CallContext::root(budget).with_token(self.token.clone())
    }
}
