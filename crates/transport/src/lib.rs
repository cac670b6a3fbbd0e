//! HTTP/1.1 over pooled connections, of which each lane has its own: between daemons, and to model providers. No redirects, no
//! cookies, no retries; why not reqwest: docs/decisions/0072-calls-between-daemons.md.

mod body;
mod connect;
mod origin;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls_platform_verifier::BuilderVerifierExt;
use scheduling::PerLane;

pub use body::{Answer, Body};
use connect::{Connector, InTime};
pub use origin::{InvalidOrigin, Origin};

/// How long a connection is kept that nobody needs.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// How long it may take until a connection can be used: several addresses that take no connection, a proxy, and TLS, one after another.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
const AGENT: HeaderValue = HeaderValue::from_static(concat!("lakehouse/", env!("CARGO_PKG_VERSION")));

/// Any error.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Why no answer came, or not all of it.
#[derive(Debug)]
pub struct TransportError {
    is_connect: bool,
    source: BoxError,
}

impl TransportError {
    /// Whether no connection could be made: nothing was sent then.
    pub fn is_connect(&self) -> bool {
        self.is_connect
    }

    /// What is at the bottom of it, in words.
    pub fn reason(&self) -> String {
        connect::innermost(&*self.source)
    }

    fn within(source: impl Into<BoxError>) -> Self {
        Self { is_connect: false, source: source.into() }
    }

    fn before(source: impl Into<BoxError>) -> Self {
        Self { is_connect: true, source: source.into() }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_connect { "no connection could be made" } else { "the connection broke off" })
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// What calls are made like.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long TCP may take to connect; TLS and proxies have ten seconds together with it.
    pub connect_timeout: Duration,
    /// How many connections that nobody needs each lane keeps to a host.
    pub max_idle_connections: usize,
    /// Whether `https://` goes through the proxy that the environment names: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`.
    pub is_outward: bool,
}

/// Sends requests; cheap to clone, and all clones share their connections. Each lane has a pool of its own, so that an answer
/// wakes the thread that waits for it.
#[derive(Debug, Clone)]
pub struct Transport(Arc<PerLane<Client<InTime<HttpsConnector<Connector>>, Body>>>);

impl Transport {
    /// Needs rustls' default crypto provider to be installed in the process.
    ///
    /// # Errors
    /// When no TLS provider is installed, or the system's certificates cannot be read.
    pub fn new(settings: Settings) -> io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let tcp = Connector::new(tcp, settings.is_outward.then(Matcher::from_env));
        let provider =
            CryptoProvider::get_default().ok_or_else(|| io::Error::other("no TLS provider is installed"))?;
        let tls =
            ClientConfig::builder_with_provider(Arc::clone(provider)).with_safe_default_protocol_versions();
        let tls = tls.and_then(BuilderVerifierExt::with_platform_verifier).map_err(io::Error::other)?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls.with_no_client_auth());
        let connector = connector.https_or_http().enable_http1().wrap_connector(tcp);
        let connector = InTime::new(connector, READY_TIMEOUT);
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).pool_idle_timeout(POOL_IDLE_TIMEOUT);
        client.pool_max_idle_per_host(settings.max_idle_connections);
        let clients = PerLane::try_new(|| Ok::<_, io::Error>(client.build(connector.clone())))?;
        Ok(Self(Arc::new(clients)))
    }

    /// Sends a request for `path_and_query` at `origin` and waits for the head of its answer.
    ///
    /// # Errors
    /// When `path_and_query` is none, no connection can be made, or it breaks off.
    pub async fn send(
        &self,
        method: Method,
        origin: &Origin,
        path_and_query: &str,
        mut headers: HeaderMap,
        body: Body,
    ) -> Result<Answer, TransportError> {
        headers.entry(HOST).or_insert_with(|| origin.host().clone());
        headers.entry(USER_AGENT).or_insert(AGENT);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = origin.at(path_and_query).map_err(TransportError::before)?;
        *request.headers_mut() = headers;
        let answer = self.0.get().request(request).await;
        answer
            .map(Answer)
            .map_err(|error| TransportError { is_connect: error.is_connect(), source: error.into() })
    }
}
