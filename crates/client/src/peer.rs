//! One peer: building, sending and repeating a request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use transport::{Origin, Transport};
use wire::context::{DEADLINE_MS, REQUEST_ID, TRACEPARENT};
use wire::{CallContext, DaemonName, ErrorCode, Problem};

use crate::lent::{Home, Lent};
use crate::replicas::{Replica, Replicas};
use crate::{Answer, Body, Error, Result, TransportError, catalogd};

/// Attempts at a call that is safe to repeat, the first included.
const MAX_ATTEMPTS: u32 = 3;
/// The wait before the second attempt; doubled for each further one, with full jitter.
const FIRST_BACKOFF: Duration = Duration::from_millis(20);
/// Unreserved characters of RFC 3986 section 2.3 travel as they are.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Encodes `text` as one segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// A client for one daemon; cheap to clone.
#[derive(Debug, Clone)]
pub struct Peer {
    name: DaemonName,
    replicas: Arc<Replicas>,
    http: Transport,
}

impl Peer {
    pub(crate) fn new(name: DaemonName, replicas: Arc<Replicas>, http: Transport) -> Self {
        Self { name, replicas, http }
    }

    /// Which daemon this is.
    pub fn name(&self) -> DaemonName {
        self.name
    }

    /// Where it is looked for, without trailing slashes; several replicas with commas between them.
    pub fn base_url(&self) -> String {
        self.replicas.origins().map(Origin::as_str).collect::<Vec<_>>().join(",")
    }

    /// Whether there is another replica to go to when one breaks off.
    pub fn has_replicas(&self) -> bool {
        self.replicas.len() > 1
    }

    /// Starts a request to `path`, which begins with `/` and may have a query.
    pub fn request(&self, method: Method, path: &str) -> Request<'_> {
        let is_idempotent = method.is_idempotent();
        let (path, headers) = (path.to_owned(), HeaderMap::new());
        Request { peer: self, method, path, headers, body: Ok(Bytes::new()), is_idempotent }
    }

    /// GET, retried.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn get<T: DeserializeOwned>(&self, ctx: &CallContext, path: &str) -> Result<T> {
        self.request(Method::GET, path).send(ctx).await?.json()
    }

    /// GET of a body that has the same shape whatever the status, such as `/readyz`; sent once.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::Problem`].
    pub async fn get_any_status<T: DeserializeOwned>(&self, ctx: &CallContext, path: &str) -> Result<T> {
        let request = self.request(Method::GET, path);
        match tokio::time::timeout(ctx.remaining(), request.exchange(ctx, Bytes::new())).await {
            Ok(reply) => reply?.json(),
            Err(_) => Err(Error::DeadlineExceeded { peer: self.name }),
        }
    }

    /// POST, sent once unless the connection could not be made.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        ctx: &CallContext,
        path: &str,
        body: &B,
    ) -> Result<T> {
        self.request(Method::POST, path).body(body).send(ctx).await?.json()
    }

    /// POST of something that is safe to repeat, such as a search; retried.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn post_idempotent<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        ctx: &CallContext,
        path: &str,
        body: &B,
    ) -> Result<T> {
        self.request(Method::POST, path).body(body).idempotent().send(ctx).await?.json()
    }

    /// DELETE, retried; the answer's body is not read.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn delete(&self, ctx: &CallContext, path: &str) -> Result<()> {
        self.request(Method::DELETE, path).send(ctx).await.map(drop)
    }

    /// Sends a request whose body and answer are streamed, once, and returns the answer whatever its status. It goes to
    /// the next replica where one does not take the connection: nothing was sent then.
    ///
    /// # Errors
    /// [`Error::Unreachable`] and [`Error::DeadlineExceeded`]; the deadline bounds the wait for the head of the
    /// answer, not the streaming of its body.
    pub async fn stream(
        &self,
        ctx: &CallContext,
        method: Method,
        path_and_query: &str,
        mut headers: HeaderMap,
        body: Body,
    ) -> Result<Answer> {
        propagate(ctx, &mut headers);
        let (home, is_alone) = (Home::default(), !self.has_replicas());
        let mut next = Some(body);
        let again = move |error: Option<&TransportError>| match error {
            Some(error) if !error.is_connect() => None,
            _ => {
                let body = next.take().or_else(|| home.lock().take())?;
                Some(if is_alone { body } else { Body::wrap(Lent::new(body, &home)) })
            }
        };
        self.stream_in_turn(ctx, method, path_and_query, headers, again).await
    }

    /// [`Peer::stream`] of a request that is safe to repeat: it goes to the next replica also where one breaks off.
    ///
    /// # Errors
    /// See [`Peer::stream`].
    pub async fn stream_idempotent(
        &self,
        ctx: &CallContext,
        method: Method,
        path_and_query: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer> {
        propagate(ctx, &mut headers);
        let again = move |_: Option<&TransportError>| Some(Body::from(body.clone()));
        self.stream_in_turn(ctx, method, path_and_query, headers, again).await
    }

    /// Tries one replica after the other. `body` gives the body for the next one after an error, or ends it there.
    async fn stream_in_turn(
        &self,
        ctx: &CallContext,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        mut body: impl FnMut(Option<&TransportError>) -> Option<Body>,
    ) -> Result<Answer> {
        let mut failure = None;
        for replica in self.replicas.in_turn() {
            let Some(body) = body(failure.as_ref().map(|(_, source)| source)) else { break };
            let (method, headers) = (method.clone(), headers.clone());
            let answer = self.http.send(method, &replica.origin, path_and_query, headers, body);
            match tokio::time::timeout(ctx.remaining(), answer).await {
                Ok(answer) => match self.heard(replica, answer) {
                    Ok(answer) => return Ok(answer),
                    Err(source) => failure = Some((replica, source)),
                },
                Err(_) => return Err(Error::DeadlineExceeded { peer: self.name }),
            }
        }
        match failure {
            Some((replica, source)) => Err(self.unreachable_at(replica, source)),
            None => Err(Error::DeadlineExceeded { peer: self.name }),
        }
    }

    /// Remembers whether a replica takes connections.
    fn heard(
        &self,
        replica: &Replica,
        answer: std::result::Result<Answer, TransportError>,
    ) -> std::result::Result<Answer, TransportError> {
        match &answer {
            Ok(_) => self.replicas.answered(replica),
            Err(error) if error.is_connect() => self.replicas.failed(replica),
            Err(_) => {}
        }
        answer
    }

    /// [`Peer::stream`], with a status outside 2xx as [`Error::Problem`].
    ///
    /// # Errors
    /// Any [`Error`].
    pub(crate) async fn stream_successfully(
        &self,
        ctx: &CallContext,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Answer> {
        let answer = self.stream(ctx, method, path, HeaderMap::new(), body).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(self.read(answer).await?.into_error(&ctx.request_id))
    }

    /// The whole of `answer`.
    pub(crate) async fn read(&self, answer: Answer) -> Result<Reply> {
        let (status, headers, body) = answer.whole().await.map_err(|source| self.unreachable(source))?;
        Ok(Reply { peer: self.name, status, headers, body })
    }

    /// An answer broke off.
    pub(crate) fn unreachable(&self, source: TransportError) -> Error {
        Error::Unreachable { peer: self.name, url: self.base_url(), source }
    }

    fn unreachable_at(&self, replica: &Replica, source: TransportError) -> Error {
        Error::Unreachable { peer: self.name, url: replica.origin.to_string(), source }
    }
}

/// A request under construction.
#[derive(Debug)]
pub struct Request<'a> {
    peer: &'a Peer,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: std::result::Result<Bytes, serde_json::Error>,
    is_idempotent: bool,
}

impl Request<'_> {
    /// Sends `body` as JSON.
    #[must_use]
    pub fn body<B: Serialize + ?Sized>(mut self, body: &B) -> Self {
        self.body = serde_json::to_vec(body).map(Bytes::from);
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// Sends `bytes` as they are.
    #[must_use]
    pub fn bytes(mut self, content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        self.body = Ok(bytes.into());
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self
    }

    /// Adds a header; a value that no header can hold is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Says that repeating this request does no harm, so that it may be retried.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.is_idempotent = true;
        self
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// Any [`Error`]; a status outside 2xx is [`Error::Problem`].
    pub async fn send(self, ctx: &CallContext) -> Result<Reply> {
        let peer = self.peer.name;
        let body = match &self.body {
            Ok(body) => body.clone(),
            Err(error) => return Err(Error::Malformed { peer, detail: format!("request body: {error}") }),
        };
        // The first attempt that may have been served although nobody has said so.
        let mut unsettled = None;
        for attempt in 1.. {
            let sent = tokio::time::timeout(ctx.remaining(), self.attempt(ctx, body.clone())).await;
            let error = match sent {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(error)) => error,
                Err(_) => return Err(Error::DeadlineExceeded { peer }),
            };
            let (backoff, may_repeat) = (backoff(attempt), self.may_repeat(&error));
            if attempt >= MAX_ATTEMPTS || !may_repeat || ctx.remaining() <= backoff {
                // That the peer could not be asked again says nothing of the attempt before.
                let was_asked = !may_repeat || error.is_outcome_unknown();
                return Err(if was_asked { error } else { unsettled.unwrap_or(error) });
            }
            tracing::debug!(%peer, attempt, %error, "retry call to peer");
            if error.is_outcome_unknown() {
                unsettled.get_or_insert(error);
            }
            tokio::time::sleep(backoff).await;
        }
        Err(Error::DeadlineExceeded { peer })
    }

    async fn attempt(&self, ctx: &CallContext, body: Bytes) -> Result<Reply> {
        let reply = self.exchange(ctx, body).await?;
        if reply.status.is_success() { Ok(reply) } else { Err(reply.into_error(&ctx.request_id)) }
    }

    async fn exchange(&self, ctx: &CallContext, body: Bytes) -> Result<Reply> {
        let mut headers = self.headers.clone();
        propagate(ctx, &mut headers);
        let peer = self.peer;
        let order = peer.replicas.in_turn();
        let Some(replica) = order.first() else { return Err(Error::DeadlineExceeded { peer: peer.name }) };
        let unreachable = |source| peer.unreachable_at(replica, source);
        let (method, origin) = (self.method.clone(), &replica.origin);
        let answer = peer.http.send(method, origin, &self.path, headers, body.into()).await;
        let (status, headers, body) =
            peer.heard(replica, answer).map_err(unreachable)?.whole().await.map_err(unreachable)?;
        Ok(Reply { peer: peer.name, status, headers, body })
    }

    fn may_repeat(&self, error: &Error) -> bool {
        match error {
            // No byte was sent, so nothing can have happened twice.
            Error::Unreachable { source, .. } if source.is_connect() => true,
            Error::Unreachable { .. } => self.is_idempotent,
            Error::Problem { problem, .. } => {
                self.is_idempotent && matches!(problem.code, ErrorCode::Overloaded | ErrorCode::Unavailable)
            }
            Error::DeadlineExceeded { .. } | Error::Malformed { .. } => false,
        }
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Reply {
    peer: DaemonName,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it is not what is expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::Malformed { peer: self.peer, detail: format!("response body: {error}") })
    }

    fn into_error(self, request_id: &str) -> Error {
        let retry_after_s =
            self.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|s| s.parse().ok());
        let problem =
            serde_json::from_slice(&self.body).ok().or_else(|| catalogd::problem(&self.body, request_id));
        let problem = problem.unwrap_or_else(|| {
            let body = String::from_utf8_lossy(&self.body[..self.body.len().min(200)]).into_owned();
            let detail = format!("status {} with a body that is no problem: {body}", self.status);
            Problem::new(ErrorCode::Internal, detail, request_id)
        });
        Error::Problem { peer: self.peer, problem, retry_after_s }
    }
}

/// Writes what every hop hands to the next into `headers`.
fn propagate(ctx: &CallContext, headers: &mut HeaderMap) {
    let mut set = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    set(REQUEST_ID, ctx.request_id.clone());
    set(TRACEPARENT, ctx.trace.to_string());
    set(DEADLINE_MS, ctx.remaining().as_millis().to_string());
    if let Some(token) = &ctx.token {
        set(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
}

/// Exponential with full jitter, so that callers that failed together do not come back together.
fn backoff(attempt: u32) -> Duration {
    let ceiling = FIRST_BACKOFF * 2u32.saturating_pow(attempt - 1);
    ceiling.mul_f64(rand::random_range(0.5..=1.0))
}
