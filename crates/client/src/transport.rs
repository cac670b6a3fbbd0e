//! HTTP/1.1 over pooled connections. Peers are called directly: no redirects, no cookies, no proxy of the environment, which is
//! meant for the way out and not for the way to the neighbour.

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use futures::stream::{self, Stream, TryStreamExt};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls_platform_verifier::BuilderVerifierExt;
use scheduling::PerLane;

/// How long a TCP connection may take: the peers are near.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection is kept that nobody needs, and how many to a peer by each lane: each has buffers on both sides
/// (docs/decisions/0071-memory.md).
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(90);
const MAX_IDLE_CONNECTIONS: usize = 16;
const AGENT: HeaderValue = HeaderValue::from_static(concat!("lakehouse/", env!("CARGO_PKG_VERSION")));

pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

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

/// The body of a request: whole, or piece by piece.
pub struct Body(Either<Full<Bytes>, UnsyncBoxBody<Bytes, BoxError>>);

impl Body {
    /// A body that is read while it is sent. Where its size is known, that is told; otherwise it travels in chunks.
    pub fn wrap<B>(body: B) -> Self
    where
        B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        Self(Either::Right(UnsyncBoxBody::new(body.map_err(Into::into))))
    }

    /// A body of the pieces of `stream`.
    pub fn wrap_stream<E: Into<BoxError>>(
        stream: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Self {
        Self::wrap(http_body_util::StreamBody::new(stream.map_ok(Frame::data)))
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::from(Bytes::new())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Either::Left(Full::new(bytes)))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("size", &self.size_hint()).finish()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// An answer whose head has come.
#[derive(Debug)]
pub struct Answer(Response<Incoming>);

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// Status, headers and all of the body.
    pub(crate) async fn whole(self) -> Result<(StatusCode, HeaderMap, Bytes), TransportError> {
        let (head, body) = self.0.into_parts();
        let body = body.collect().await.map_err(TransportError::within)?;
        Ok((head.status, head.headers, body.to_bytes()))
    }

    /// The next piece of the body.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        while let Some(frame) = self.0.body_mut().frame().await {
            // A frame is data or trailers; those we do not read.
            if let Ok(data) = frame.map_err(TransportError::within)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The body, piece by piece.
    pub(crate) fn pieces(self) -> impl Stream<Item = Result<Bytes, TransportError>> + Send + use<> {
        stream::try_unfold(self, |mut answer| async move {
            Ok(answer.chunk().await?.map(|piece| (piece, answer)))
        })
    }
}

impl From<Answer> for Response<Incoming> {
    fn from(answer: Answer) -> Self {
        answer.0
    }
}

/// Sends requests; cheap to clone, and all clones share their connections. Each lane has a pool of its own, so that an answer
/// wakes the thread that waits for it.
#[derive(Debug, Clone)]
pub(crate) struct Transport(Arc<PerLane<Client<HttpsConnector<HttpConnector>, Body>>>);

impl Transport {
    /// # Errors
    /// When no TLS provider is installed, or the system's certificates cannot be read.
    pub(crate) fn new() -> io::Result<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let provider =
            CryptoProvider::get_default().ok_or_else(|| io::Error::other("no TLS provider is installed"))?;
        let tls =
            ClientConfig::builder_with_provider(Arc::clone(provider)).with_safe_default_protocol_versions();
        let tls = tls.and_then(BuilderVerifierExt::with_platform_verifier).map_err(io::Error::other)?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls.with_no_client_auth());
        let connector = connector.https_or_http().enable_http1().wrap_connector(tcp);
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_timer(TokioTimer::new()).pool_idle_timeout(POOL_IDLE_TIMEOUT);
        client.pool_max_idle_per_host(MAX_IDLE_CONNECTIONS);
        let clients = PerLane::try_new(|| Ok::<_, io::Error>(client.build(connector.clone())))?;
        Ok(Self(Arc::new(clients)))
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        url: String,
        mut headers: HeaderMap,
        body: Body,
    ) -> Result<Answer, TransportError> {
        headers.entry(USER_AGENT).or_insert(AGENT);
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::try_from(url).map_err(TransportError::before)?;
        *request.headers_mut() = headers;
        let answer = self.0.get().request(request).await;
        answer
            .map(Answer)
            .map_err(|error| TransportError { is_connect: error.is_connect(), source: error.into() })
    }
}
