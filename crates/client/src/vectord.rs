//! Calls to `vectord`.

use http::Method;
use wire::snapshots::{RestoreSnapshot, Snapshot, TakeSnapshot};
use wire::vectors::{
    AddItems, Added, BatchAnswer, BatchAnswers, BatchSearch, CreateIndex, DeleteItems, Deleted, GetVersions,
    IndexInfo, IndexList, IndexSearch, IndexVersion, IndexVersions, NewItem, Search, SearchAnswer,
    StoredItem,
};
use wire::{CallContext, DaemonName};

use crate::{Error, Peer, Peers, Result, segment};

/// Keeps and searches vector indexes.
#[derive(Debug, Clone)]
pub struct Vectord(Peer);

impl Peers {
    /// `vectord`.
    pub fn vectord(&self) -> Vectord {
        Vectord(self.peer(DaemonName::Vectord))
    }
}

impl Vectord {
    /// `POST /vectors/index`, retried: creates an index, or finds that the same exists.
    ///
    /// # Errors
    /// Any [`Error`]; `already_exists` if one of this name has other properties.
    pub async fn create_index(&self, ctx: &CallContext, request: &CreateIndex) -> Result<IndexInfo> {
        self.0.post_idempotent(ctx, "/vectors/index", request).await
    }

    /// `GET /vectors/index`
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn indexes(&self, ctx: &CallContext) -> Result<IndexList> {
        self.0.get(ctx, "/vectors/index").await
    }

    /// `GET /vectors/index/{name}`
    ///
    /// # Errors
    /// Any [`Error`]; `not_found` if there is none of this name, `data_corrupt` if it is quarantined.
    pub async fn index(&self, ctx: &CallContext, name: &str) -> Result<IndexInfo> {
        self.0.get(ctx, &path(name, "")).await
    }

    /// `DELETE /vectors/index/{name}`, also of a quarantined index.
    ///
    /// # Errors
    /// Any [`Error`]; `not_found` if there is none of this name.
    pub async fn drop_index(&self, ctx: &CallContext, name: &str) -> Result<()> {
        self.0.delete(ctx, &path(name, "")).await
    }

    /// `POST /vectors/index/{name}/add`, retried: a repeated upsert changes nothing.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn add(&self, ctx: &CallContext, name: &str, items: Vec<NewItem>) -> Result<Added> {
        self.0.post_idempotent(ctx, &path(name, "/add"), &AddItems { items }).await
    }

    /// `POST /vectors/index/{name}/delete`, sent once, so that the count of the deleted is right.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn delete(&self, ctx: &CallContext, name: &str, ids: Vec<String>) -> Result<Deleted> {
        self.0.post(ctx, &path(name, "/delete"), &DeleteItems { ids }).await
    }

    /// `GET /vectors/index/{name}/items/{id}`
    ///
    /// # Errors
    /// Any [`Error`]; `not_found` if there is no such index or item.
    pub async fn item(&self, ctx: &CallContext, name: &str, id: &str) -> Result<StoredItem> {
        self.0.get(ctx, &path(name, &format!("/items/{}", segment(id)))).await
    }

    /// `POST /vectors/index/{name}/snapshot`: writes the index to an object of storaged. Sent once.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn snapshot(&self, ctx: &CallContext, name: &str, request: &TakeSnapshot) -> Result<Snapshot> {
        self.0.post(ctx, &path(name, "/snapshot"), request).await
    }

    /// `POST /vectors/index/{name}/restore`: makes the index of such an object. Sent once.
    ///
    /// # Errors
    /// Any [`Error`]; `already_exists` if there is an index of this name, `invalid_argument` if the object is none.
    pub async fn restore(
        &self,
        ctx: &CallContext,
        name: &str,
        request: &RestoreSnapshot,
    ) -> Result<IndexInfo> {
        self.0.post(ctx, &path(name, "/restore"), request).await
    }

    /// `POST /vectors/index/{name}/search`, retried.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn search(&self, ctx: &CallContext, name: &str, search: &Search) -> Result<SearchAnswer> {
        self.0.post_idempotent(ctx, &path(name, "/search"), search).await
    }

    /// `POST /vectors/search` with several searches, retried: one answer for each, in order.
    ///
    /// # Errors
    /// Any [`Error`]; a search that failed by itself is in its own answer.
    pub async fn search_all(
        &self,
        ctx: &CallContext,
        searches: Vec<IndexSearch>,
    ) -> Result<Vec<BatchAnswer>> {
        let expected = searches.len();
        let request = self.0.request(Method::POST, "/vectors/search").body(&BatchSearch { searches });
        let BatchAnswers { answers } = request.idempotent().send(ctx).await?.json()?;
        if answers.len() == expected {
            return Ok(answers);
        }
        let detail = format!("{} answers to {expected} searches", answers.len());
        Err(Error::Malformed { peer: self.0.name(), detail })
    }

    /// `POST /vectors/versions`, retried: the versions of `indexes`, in order, with a lease where vectord gives one.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn versions(&self, ctx: &CallContext, indexes: Vec<String>) -> Result<Vec<IndexVersion>> {
        let expected = indexes.len();
        let request = GetVersions { indexes, lease: true };
        let answer: IndexVersions = self.0.post_idempotent(ctx, "/vectors/versions", &request).await?;
        if answer.versions.len() == expected {
            return Ok(answer.versions);
        }
        let detail = format!("{} versions of {expected} indexes", answer.versions.len());
        Err(Error::Malformed { peer: self.0.name(), detail })
    }
}

fn path(name: &str, rest: &str) -> String {
    format!("/vectors/index/{}{rest}", segment(name))
}
