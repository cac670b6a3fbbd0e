//! The client of `storaged`.

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use http::Method;
use wire::storage::{CollectGarbage, CollectedGarbage, ListObjects, ObjectList, StoredObject};
use wire::{CallContext, DaemonName};

use crate::query::with_query;
use crate::{Body, Peer, Peers, Result, segment};

/// Objects over HTTP.
#[derive(Debug, Clone)]
pub struct Storaged(Peer);

impl Peers {
    /// The client for `storaged`.
    pub fn storaged(&self) -> Storaged {
        Storaged(self.peer(DaemonName::Storaged))
    }
}

impl Storaged {
    /// Stores `bytes` under `key`; durable on return. Retried, as it stores the same again.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn put(&self, ctx: &CallContext, key: &str, bytes: impl Into<Bytes>) -> Result<StoredObject> {
        let request = self.0.request(Method::PUT, &path(key)).bytes("application/octet-stream", bytes);
        request.send(ctx).await?.json()
    }

    /// Stores what `body` gives under `key`; durable on return. Sent once.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn put_stream(
        &self,
        ctx: &CallContext,
        key: &str,
        body: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Result<StoredObject> {
        let body = Body::wrap_stream(body);
        let answer = self.0.stream_successfully(ctx, Method::PUT, &path(key), body).await?;
        self.0.read(answer).await?.json()
    }

    /// Reads an object piece by piece.
    ///
    /// # Errors
    /// Any [`Error`], at once or in the stream; a problem with the code `not_found` if there is no such
    /// object.
    pub async fn get_stream(
        &self,
        ctx: &CallContext,
        key: &str,
    ) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let answer = self.0.stream_successfully(ctx, Method::GET, &path(key), Body::default()).await?;
        let peer = self.0.clone();
        Ok(answer.pieces().map_err(move |source| peer.unreachable(source)))
    }

    /// Reads a whole object into memory.
    ///
    /// # Errors
    /// Any [`Error`]; a problem with the code `not_found` if there is no such object.
    pub async fn get(&self, ctx: &CallContext, key: &str) -> Result<Bytes> {
        Ok(self.0.request(Method::GET, &path(key)).send(ctx).await?.body)
    }

    /// Deletes an object; durable on return.
    ///
    /// # Errors
    /// Any [`Error`]; a problem with the code `not_found` if there is no such object, which after a
    /// retry may be this call's own doing.
    pub async fn delete(&self, ctx: &CallContext, key: &str) -> Result<()> {
        self.0.delete(ctx, &path(key)).await
    }

    /// Deletes what unfinished uploads have left, or only says what that is. Retried, as twice does no harm.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn collect_garbage(
        &self,
        ctx: &CallContext,
        request: &CollectGarbage,
    ) -> Result<CollectedGarbage> {
        self.0.post_idempotent(ctx, "/storage/.lakehouse/gc", request).await
    }

    /// One page of the objects whose keys begin with a prefix.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn list(&self, ctx: &CallContext, query: &ListObjects) -> Result<ObjectList> {
        let parameters = [
            ("prefix", Some(query.prefix.clone()).filter(|prefix| !prefix.is_empty())),
            ("after", query.after.clone()),
            ("limit", query.limit.map(|limit| limit.to_string())),
        ];
        self.0.get(ctx, &with_query("/storage", parameters)).await
    }
}

fn path(key: &str) -> String {
    let segments: Vec<String> = key.split('/').map(segment).collect();
    format!("/storage/{}", segments.join("/"))
}
