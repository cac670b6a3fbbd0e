//! How `lakectl` reaches a stack.

use std::time::Duration;

use anyhow::Context;
use client::{PeerUrls, Peers};
use wire::CallContext;
use wire::context::Secret;

/// The variable that holds the operator's bearer token, where the stack asks for one.
pub(crate) const TOKEN_VARIABLE: &str = "LAKEHOUSE_TOKEN";

/// Where the stack is.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Connection {
    /// The gateway.
    #[arg(long, env = "LAKEHOUSE_GATEWAY", default_value = "http://127.0.0.1:4110", value_name = "URL")]
    pub(crate) gateway: String,
}

/// Clients for all daemons, through the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) peers: Peers,
}

impl Connection {
    pub(crate) fn open(&self) -> anyhow::Result<Session> {
        let peers = Peers::new(PeerUrls::behind_gateway(&self.gateway)).context("open a client")?;
        Ok(Session { peers })
    }
}

impl Session {
    /// A new request that has `budget` to finish, on behalf of the operator.
    pub(crate) fn call(&self, budget: Duration) -> CallContext {
        CallContext::root(budget).with_token(operator_token())
    }
}

/// The operator's bearer token.
pub(crate) fn operator_token() -> Option<Secret> {
    std::env::var(TOKEN_VARIABLE).ok().map(Secret::new)
}
