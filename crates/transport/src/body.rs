//! The body of a request, and an answer whose body is still to come.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::{self, Stream, TryStreamExt};
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;

use crate::{BoxError, TransportError};

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

/// An answer whose head has come. Dropping it before its end closes the connection.
#[derive(Debug)]
pub struct Answer(pub(crate) Response<Incoming>);

impl Answer {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// Status, headers and all of the body.
    ///
    /// # Errors
    /// When the connection breaks off before the end.
    pub async fn whole(self) -> Result<(StatusCode, HeaderMap, Bytes), TransportError> {
        let (head, body) = self.0.into_parts();
        let body = body.collect().await.map_err(TransportError::within)?;
        Ok((head.status, head.headers, body.to_bytes()))
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// As [`Answer::whole`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        while let Some(frame) = self.0.body_mut().frame().await {
            // A frame is data or trailers; those we do not read.
            if let Ok(data) = frame.map_err(TransportError::within)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The body, piece by piece.
    pub fn pieces(self) -> impl Stream<Item = Result<Bytes, TransportError>> + Send + use<> {
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
