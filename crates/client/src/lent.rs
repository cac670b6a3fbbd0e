//! A streamed body that can be sent elsewhere as long as nobody has read of it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use parking_lot::Mutex;
use transport::{Body, BoxError};

/// Where a body comes back to.
pub(crate) type Home = Arc<Mutex<Option<Body>>>;

/// A body on its way; it goes home when it is dropped untouched, as with a connection that could not be made.
pub(crate) struct Lent {
    body: Option<Body>,
    is_touched: bool,
    home: Home,
}

impl Lent {
    pub(crate) fn new(body: Body, home: &Home) -> Self {
        Self { body: Some(body), is_touched: false, home: Arc::clone(home) }
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.is_touched = true;
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_touched {
            *self.home.lock() = self.body.take();
        }
    }
}
