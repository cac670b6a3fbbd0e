//! Where the eleven daemons are.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wire::DaemonName;

use crate::Peer;

/// Base URLs by daemon, as in the `[peers]` section; a daemon that is not listed is at its own port on loopback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PeerUrls(BTreeMap<DaemonName, String>);

impl PeerUrls {
    /// All daemons on loopback, each at its own port plus `offset`.
    pub fn on_loopback(offset: u16) -> Self {
        let url = |daemon: DaemonName| format!("http://127.0.0.1:{}", daemon.port().saturating_add(offset));
        Self(DaemonName::ALL.into_iter().map(|daemon| (daemon, url(daemon))).collect())
    }

    /// All daemons through the gateway at `url`: below its `/v1` each has the paths that it has itself.
    pub fn behind_gateway(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        let below = |daemon: DaemonName| match daemon {
            DaemonName::Gateway => url.to_owned(),
            _ => format!("{url}/v1"),
        };
        Self(DaemonName::ALL.into_iter().map(|daemon| (daemon, below(daemon))).collect())
    }

    /// Says where `daemon` is.
    pub fn set(&mut self, daemon: DaemonName, url: impl Into<String>) {
        self.0.insert(daemon, url.into());
    }

    /// The base URL of `daemon`, without a trailing slash.
    pub fn url(&self, daemon: DaemonName) -> String {
        match self.0.get(&daemon) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://127.0.0.1:{}", daemon.port()),
        }
    }
}

/// Clients for all daemons over one shared connection pool; cheap to clone.
#[derive(Debug, Clone)]
pub struct Peers {
    urls: PeerUrls,
    http: reqwest::Client,
}

impl Peers {
    /// How long a TCP connection may take: the peers are near.
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

    /// Clients for the daemons at `urls`.
    ///
    /// # Errors
    /// When no TLS provider is installed: see [`install_tls_provider`](crate::install_tls_provider).
    pub fn new(urls: PeerUrls) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(Self::CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .user_agent(concat!("lakehouse/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { urls, http })
    }

    /// An untyped client for `daemon`.
    pub fn peer(&self, daemon: DaemonName) -> Peer {
        Peer::new(daemon, self.urls.url(daemon), self.http.clone())
    }
}
