//! Connections: straight to a host, or through the proxy of the environment.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::TryFutureExt;
use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use crate::BoxError;

/// Makes connections; TLS comes on top of it.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    proxies: Option<Arc<Matcher>>,
}

impl Connector {
    /// What the environment says of proxies holds if `proxies` are given.
    pub(crate) fn new(tcp: HttpConnector, proxies: Option<Matcher>) -> Self {
        Self { tcp, proxies: proxies.map(Arc::new) }
    }

    /// Only what is encrypted goes through a proxy: it can read the rest, keys included.
    fn proxy_of(&self, host: &Uri) -> Option<Intercept> {
        let is_encrypted = host.scheme() == Some(&Scheme::HTTPS);
        self.proxies.as_ref().filter(|_| is_encrypted)?.intercept(host)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        match self.proxy_of(&host) {
            None => Box::pin(self.tcp.call(host).err_into()),
            Some(proxy) => Box::pin(tunnel(self.tcp.clone(), proxy, host)),
        }
    }
}

/// Makes connections as `C` does, in time: a host that takes a connection and then is silent would hold a call until its own deadline,
/// which is meant for models that think for minutes.
#[derive(Debug, Clone)]
pub(crate) struct InTime<C> {
    inner: C,
    limit: Duration,
}

impl<C> InTime<C> {
    /// `limit` is for all of it: the name looked up, TCP, the proxy, TLS.
    pub(crate) fn new(inner: C, limit: Duration) -> Self {
        Self { inner, limit }
    }
}

impl<C> Service<Uri> for InTime<C>
where
    C: Service<Uri, Error = BoxError, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, host: Uri) -> Self::Future {
        let (connecting, limit) = (tokio::time::timeout(self.limit, self.inner.call(host)), self.limit);
        let late = move |_| {
            let reason = format!("no connection was ready after {} s, TLS included", limit.as_secs_f32());
            Err(io::Error::new(io::ErrorKind::TimedOut, reason).into())
        };
        Box::pin(connecting.unwrap_or_else(late))
    }
}

/// A connection to `host` that the proxy makes: RFC 9110, section 9.3.6.
async fn tunnel(tcp: HttpConnector, proxy: Intercept, host: Uri) -> Result<TokioIo<TcpStream>, BoxError> {
    let at = proxy.uri().authority().map(ToString::to_string).unwrap_or_default();
    let failed = |reason: &str| io::Error::other(format!("the proxy {at} of the environment: {reason}"));
    if proxy.uri().scheme() != Some(&Scheme::HTTP) {
        return Err(failed("only proxies at http:// are supported").into());
    }
    let mut tunnel = Tunnel::new(proxy.uri().clone(), tcp);
    if let Some(key) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(key.clone());
    }
    tunnel.call(host).await.map_err(|error| failed(&innermost(&error)).into())
}

/// What is at the bottom of `error`: those above it say only that something failed, not why.
pub(crate) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A proxy for one connection, which answers `answer` to what it is asked, and then says what was asked.
    async fn proxy(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move {
            let (mut caller, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(caller.read_u8().await.unwrap());
            }
            caller.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (address, serving)
    }

    fn connector(proxy: &str) -> Connector {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        Connector::new(tcp, Some(Matcher::builder().all(proxy).no("localhost").build()))
    }

    #[tokio::test]
    async fn encrypted_call_goes_through_the_proxy_and_brings_its_password() {
        let (address, proxy) = proxy("HTTP/1.1 200 OK\r\n\r\n").await;
        let mut connector = connector(&format!("http://me:secret@{address}"));
        connector.call(Uri::from_static("https://provider.example/v1")).await.unwrap();
        let asked = proxy.await.unwrap();
        assert!(asked.starts_with("CONNECT provider.example:443 HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("Basic bWU6c2VjcmV0\r\n"), "{asked}");
    }

    #[tokio::test]
    async fn refusal_names_the_proxy_and_no_password() {
        let (address, _serving) = proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        let mut connector = connector(&format!("http://me:secret@{address}"));
        let error =
            connector.call(Uri::from_static("https://provider.example")).await.unwrap_err().to_string();
        assert!(error.contains(&format!("the proxy {address} of the environment")), "{error}");
        assert!(error.contains("authorization required") && !error.contains("secret"), "{error}");
        let mut socks = self::connector("socks5://127.0.0.1:1");
        let error = socks.call(Uri::from_static("https://provider.example")).await.unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:1") && error.contains("only proxies at http://"), "{error}");
    }

    #[tokio::test]
    async fn host_that_is_silent_where_tls_should_begin_is_given_up_in_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = Uri::try_from(format!("https://{}", listener.local_addr().unwrap())).unwrap();
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into());
        let tls = tls.with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        let connector = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let connector = connector.enable_http1().wrap_connector(Connector::new(tcp, None));
        let error = InTime::new(connector, Duration::from_millis(50)).call(host).await.unwrap_err();
        assert_eq!(error.to_string(), "no connection was ready after 0.05 s, TLS included");
    }

    #[tokio::test]
    async fn call_in_the_clear_or_to_a_host_that_is_excepted_goes_straight() {
        let connector = connector("http://127.0.0.1:1");
        assert!(connector.proxy_of(&Uri::from_static("https://provider.example")).is_some());
        assert!(connector.proxy_of(&Uri::from_static("http://provider.example")).is_none());
        assert!(connector.proxy_of(&Uri::from_static("https://localhost:8080")).is_none());
    }
}
