//! Passes a request on and its answer back, byte for byte, without holding either.

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    CONNECTION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use axum::routing::any;
use client::{Peer, Peers};
use service::{ApiError, Ctx};
use wire::CallContext;
use wire::context::FORWARDED_PREFIX;

use crate::table::{Line, is_repeatable};

/// Headers that speak of one connection and not of the message: RFC 9110 section 7.6.1.
const HOP_BY_HOP: [HeaderName; 8] =
    [CONNECTION, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// The largest body that is kept until the answer comes, so that it can be sent to another replica; a larger one is sent once.
const MAX_KEPT_BYTES: u64 = 256 << 10;

/// Where the requests of one line of the table go.
#[derive(Clone)]
pub(crate) struct Target {
    peer: Peer,
    line: Line,
}

/// Routes for `lines`.
pub(crate) fn router(peers: &Peers, lines: impl IntoIterator<Item = Line>) -> Router {
    lines.into_iter().fold(Router::new(), |router, line| {
        let target = any(forward).with_state(Target::new(peers, line));
        let router = router.route(line.public, target.clone());
        if line.has_subtree { router.route(&format!("{}/{{*rest}}", line.public), target) } else { router }
    })
}

async fn forward(
    State(target): State<Target>,
    Ctx(ctx): Ctx,
    request: Request,
) -> Result<Response<Body>, ApiError> {
    let (parts, body) = request.into_parts();
    target.pass(&ctx, parts, body).await
}

impl Target {
    pub(crate) fn new(peers: &Peers, line: Line) -> Self {
        Self { peer: peers.peer(line.daemon), line }
    }

    /// Passes a request on and its answer back.
    pub(crate) async fn pass(
        &self,
        ctx: &CallContext,
        mut parts: Parts,
        body: Body,
    ) -> Result<Response<Body>, ApiError> {
        let path = self.line.own_path_and_query(parts.uri.path(), parts.uri.query());
        drop_hop_by_hop(&mut parts.headers);
        parts.headers.insert(FORWARDED_PREFIX, HeaderValue::from_static(self.line.prefix()));
        let may_repeat = self.peer.has_replicas() && is_repeatable(&parts.method, &path, &parts.headers);
        let size = body.size_hint().upper();
        let answer = if may_repeat && size.is_some_and(|bytes| bytes <= MAX_KEPT_BYTES) {
            let body = to_bytes(body, MAX_KEPT_BYTES as usize).await.map_err(|error| unreadable(&error))?;
            self.peer.stream_idempotent(ctx, parts.method, &path, parts.headers, body).await?
        } else {
            // An empty body must stay empty: a stream of unknown length would travel as `chunked`, even on a GET.
            let body = if body.is_end_stream() { client::Body::default() } else { client::Body::wrap(body) };
            self.peer.stream(ctx, parts.method, &path, parts.headers, body).await?
        };
        let mut answer = http::Response::from(answer).map(Body::new);
        drop_hop_by_hop(answer.headers_mut());
        Ok(answer)
    }
}

fn unreadable(error: &axum::Error) -> ApiError {
    tracing::debug!(%error, "read a request's body");
    ApiError::invalid("the body broke off before its end")
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_connection_stay_behind() {
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, "keep-alive, X-Private".parse().unwrap());
        headers.insert("x-private", "1".parse().unwrap());
        headers.insert(TRANSFER_ENCODING, "chunked".parse().unwrap());
        headers.insert("content-type", "text/csv".parse().unwrap());
        drop_hop_by_hop(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["content-type"]);
    }
}
