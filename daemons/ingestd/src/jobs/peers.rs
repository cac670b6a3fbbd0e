//! What a job asks of embedd and vectord: with patience while one is away.

use std::time::{Duration, Instant};

use wire::context::Secret;
use wire::embed::{EmbedRequest, EmbedResponse, TextKind, VectorEncoding};
use wire::vectors::{CreateIndex, Distance, NewItem};
use wire::{CallContext, DaemonName, ErrorCode};

use super::rows::Item;

/// How long one call to a peer may take: a batch of long texts on a busy machine.
const CALL_BUDGET: Duration = Duration::from_secs(120);
/// The wait before a peer that is down or busy is asked again.
const BACKOFF: Duration = Duration::from_secs(1);

/// The peers of one job, on behalf of the holder of its token.
#[derive(Clone)]
pub(super) struct JobPeers {
    pub peers: client::Peers,
    pub token: Option<Secret>,
    pub patience: Duration,
    pub index: String,
}

impl JobPeers {
    /// What a call carries.
    pub(super) fn ctx(&self) -> CallContext {
        CallContext::root(CALL_BUDGET).with_token(self.token.clone())
    }

    /// Repeats `call` while its peer is away or busy, for as long as the patience lasts. It begins with the first failure: that alone
    /// may have taken the whole budget of a call.
    pub(super) async fn with_patience<T, F>(&self, call: impl Fn() -> F) -> client::Result<T>
    where
        F: Future<Output = client::Result<T>>,
    {
        let mut failing_since = None;
        loop {
            let error = match call().await {
                Err(error) if is_passing(&error) => error,
                result => return result,
            };
            if failing_since.get_or_insert_with(Instant::now).elapsed() >= self.patience {
                return Err(error);
            }
            tracing::debug!(%error, "an index job waits for its peer");
            tokio::time::sleep(BACKOFF).await;
        }
    }

    /// One vector for each of `texts`.
    pub(super) async fn embed(&self, texts: Vec<String>) -> client::Result<EmbedResponse> {
        let (embedd, expected) = (self.peers.embedd(), texts.len());
        let kind = Some(TextKind::Document);
        let request = EmbedRequest { texts, model: None, kind, encoding: VectorEncoding::Base64 };
        let (embedd, request) = (&embedd, &request);
        let answer = self.with_patience(|| async move { embedd.embed(&self.ctx(), request).await }).await?;
        let found = answer.vectors_b64.len();
        if found == expected {
            return Ok(answer);
        }
        let detail = format!("{found} vectors for {expected} texts");
        Err(client::Error::Malformed { peer: DaemonName::Embedd, detail })
    }

    /// Makes the index, or finds that it is there.
    pub(super) async fn create_index(&self, dimension: usize) -> client::Result<()> {
        let vectord = self.peers.vectord();
        let request = CreateIndex { name: self.index.clone(), dimension, distance: Distance::Cosine };
        let (vectord, request) = (&vectord, &request);
        self.with_patience(|| async move { vectord.create_index(&self.ctx(), request).await }).await.map(drop)
    }

    /// The version of the index; none if there is no such index.
    pub(super) async fn index_version(&self) -> client::Result<Option<u64>> {
        let vectord = self.peers.vectord();
        let vectord = &vectord;
        let looking = self.with_patience(|| async move { vectord.index(&self.ctx(), &self.index).await });
        Ok(none_if_missing(looking).await?.map(|info| info.version))
    }

    /// Adds items, or replaces them.
    pub(super) async fn add(&self, items: Vec<Item>, vectors_b64: Vec<String>) -> client::Result<()> {
        let vectord = self.peers.vectord();
        let items: Vec<NewItem> = items
            .into_iter()
            .zip(vectors_b64)
            .map(|(item, vector)| NewItem {
                id: item.id,
                vector_b64: Some(vector),
                metadata: item.metadata,
                ..NewItem::default()
            })
            .collect();
        let (vectord, items) = (&vectord, &items);
        self.with_patience(|| async move { vectord.add(&self.ctx(), &self.index, items.clone()).await })
            .await
            .map(drop)
    }

    /// Deletes items; where there is no index there are none.
    pub(super) async fn delete(&self, ids: &[String]) -> client::Result<()> {
        let vectord = self.peers.vectord();
        let vectord = &vectord;
        let deleting = self
            .with_patience(|| async move { vectord.delete(&self.ctx(), &self.index, ids.to_vec()).await });
        none_if_missing(deleting).await.map(drop)
    }
}

async fn none_if_missing<T>(call: impl Future<Output = client::Result<T>>) -> client::Result<Option<T>> {
    match call.await {
        Err(error) if error.is(ErrorCode::NotFound) => Ok(None),
        result => result.map(Some),
    }
}

/// Whether the same call may succeed later.
fn is_passing(error: &client::Error) -> bool {
    use ErrorCode::{DeadlineExceeded, Overloaded, PeerUnavailable, Unavailable};
    match error {
        client::Error::Unreachable { .. } | client::Error::DeadlineExceeded { .. } => true,
        client::Error::Problem { problem, .. } => {
            matches!(problem.code, Overloaded | Unavailable | PeerUnavailable | DeadlineExceeded)
        }
        client::Error::Malformed { .. } => false,
    }
}
