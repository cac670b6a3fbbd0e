//! The client for `pathwayd`.

use http::{Method, StatusCode};
use uuid::Uuid;
use wire::context::IDEMPOTENCY_KEY;
use wire::pathways::{
    Content, Found, History, HistoryQuery, ListQuery, Page, Pathway, Retire, Revise, Search, Written,
};
use wire::{CallContext, DaemonName};

use crate::query::with_query;
use crate::{Peer, Peers, Result};

/// The client for `pathwayd`, the durable log of what worked.
#[derive(Debug, Clone)]
pub struct Pathwayd(Peer);

impl Peers {
    /// The client for `pathwayd`.
    pub fn pathwayd(&self) -> Pathwayd {
        Pathwayd(self.peer(DaemonName::Pathwayd))
    }
}

impl Pathwayd {
    /// Adds a pathway under an idempotency key; on disk when this returns. Retried, and added once. The second is whether
    /// it is new: if not, the key was used before, and the pathway may have been changed or retired since.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn add(&self, ctx: &CallContext, content: &Content, key: &str) -> Result<(Written, bool)> {
        let request = self.0.request(Method::POST, "/pathways").body(content);
        let reply = request.header(IDEMPOTENCY_KEY, key).idempotent().send(ctx).await?;
        Ok((reply.json()?, reply.status == StatusCode::CREATED))
    }

    /// Replaces the content of a pathway by a new version; retried under an idempotency key.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error); 409 when there is a newer version than expected.
    pub async fn revise(
        &self,
        ctx: &CallContext,
        id: Uuid,
        revise: &Revise,
        key: Option<&str>,
    ) -> Result<Written> {
        self.write(ctx, &format!("/pathways/{id}/revise"), revise, key).await
    }

    /// Takes a pathway out of lists and searches. Retried: what is retired stays so.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn retire(&self, ctx: &CallContext, id: Uuid, retire: &Retire) -> Result<Written> {
        self.0.post_idempotent(ctx, &format!("/pathways/{id}/retire"), retire).await
    }

    /// The newest version of a pathway.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn get(&self, ctx: &CallContext, id: Uuid) -> Result<Pathway> {
        self.0.get(ctx, &format!("/pathways/{id}")).await
    }

    /// Versions of a pathway, oldest first, one page.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn history(&self, ctx: &CallContext, id: Uuid, query: &HistoryQuery) -> Result<History> {
        let HistoryQuery { after, limit } = query;
        let path = format!("/pathways/{id}/history");
        let parameters = [("after", after.map(|v| v.to_string())), ("limit", limit.map(|l| l.to_string()))];
        self.0.get(ctx, &with_query(&path, parameters)).await
    }

    /// Active pathways in the order of their creation, one page.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn list(&self, ctx: &CallContext, query: &ListQuery) -> Result<Page> {
        let parameters = [
            ("tag", query.tag.clone()),
            ("role", query.role.clone()),
            ("after", query.after.map(|id| id.to_string())),
            ("limit", query.limit.map(|limit| limit.to_string())),
        ];
        self.0.get(ctx, &with_query("/pathways", parameters)).await
    }

    /// Active pathways that share words with the query, best first.
    ///
    /// # Errors
    /// Any [`Error`](crate::Error).
    pub async fn search(&self, ctx: &CallContext, search: &Search) -> Result<Found> {
        self.0.post_idempotent(ctx, "/pathways/search", search).await
    }

    async fn write<B: serde::Serialize>(
        &self,
        ctx: &CallContext,
        path: &str,
        body: &B,
        key: Option<&str>,
    ) -> Result<Written> {
        let mut request = self.0.request(Method::POST, path).body(body);
        if let Some(key) = key {
            request = request.header(IDEMPOTENCY_KEY, key).idempotent();
        }
        request.send(ctx).await?.json()
    }
}
