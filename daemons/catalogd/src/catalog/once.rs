//! The same request twice: one change, one answer. A key is remembered in the transaction that moves the pointers.

use std::sync::Arc;

use lake::VersionedMetadata;
use ledger::idempotency::{self, Seen};
use ledger::rusqlite::Transaction;

use super::{Catalog, Result};
use crate::CatalogError;

/// The `Idempotency-Key` of a request, and what tells the request from others.
#[derive(Debug, Clone)]
pub struct RequestKey {
    /// As it was sent.
    pub key: String,
    /// SHA-256 of the method, the path and the body.
    pub fingerprint: [u8; 32],
}

/// How a write under a key ended.
pub(super) enum Done {
    /// It has happened.
    Now,
    /// It had happened before, and made the metadata files at these locations.
    Before(Vec<String>),
}

/// Does `work`, unless it has been done under the same key before. `locations` are what a repetition is answered.
pub(super) fn in_transaction(
    transaction: &Transaction<'_>,
    key: Option<&RequestKey>,
    locations: &[String],
    now_ms: i64,
    work: impl FnOnce() -> Result<()>,
) -> Result<Done> {
    let Some(RequestKey { key, fingerprint }) = key else {
        return work().map(|()| Done::Now);
    };
    if let Some(before) = read_answer(idempotency::look_up(transaction, key, fingerprint)?)? {
        return Ok(Done::Before(before));
    }
    work()?;
    idempotency::remember(transaction, key, fingerprint, &locations.join("\n"), now_ms)?;
    Ok(Done::Now)
}

/// Locations hold no line breaks: they are names of objects.
fn read_answer(seen: Seen) -> Result<Option<Vec<String>>> {
    match seen {
        Seen::Never => Ok(None),
        Seen::Other => Err(CatalogError::KeyReused),
        Seen::Same(locations) => Ok(Some(locations.lines().map(str::to_owned).collect())),
    }
}

impl Catalog {
    /// Does `work`, which is to remember `key` as it moves the pointers, unless the key is known.
    ///
    /// A repetition may overtake its request: what one of them has done looks to the other like somebody else's change, and a
    /// reason to refuse its own. Who sent both would take the refusal for the last word and delete files that are in use, so
    /// it stands only if the key is still unknown when it is decided.
    ///
    /// # Errors
    /// [`CatalogError::KeyReused`] if the key came with another request, and those of `work`.
    pub(super) async fn once(
        &self,
        key: Option<&RequestKey>,
        work: impl Future<Output = Result<Vec<Arc<VersionedMetadata>>>>,
    ) -> Result<Vec<Arc<VersionedMetadata>>> {
        if let Some(before) = self.answered(key).await? {
            return Ok(before);
        }
        match work.await {
            Ok(done) => Ok(done),
            Err(refusal) => self.answered(key).await?.ok_or(refusal),
        }
    }

    /// What was answered to the same request under the same key.
    async fn answered(&self, key: Option<&RequestKey>) -> Result<Option<Vec<Arc<VersionedMetadata>>>> {
        let Some(RequestKey { key, fingerprint }) = key.cloned() else { return Ok(None) };
        let seen = self.ledger.read(move |connection| {
            let seen = idempotency::look_up(connection, &key, &fingerprint)?;
            Ok::<_, CatalogError>(seen)
        });
        match read_answer(seen.await?)? {
            Some(locations) => self.versions_at(&locations).await.map(Some),
            None => Ok(None),
        }
    }

    /// The versions of tables that these metadata files hold.
    pub(super) async fn versions_at(&self, locations: &[String]) -> Result<Vec<Arc<VersionedMetadata>>> {
        let mut versions = Vec::with_capacity(locations.len());
        for location in locations {
            let version = lake::read_metadata(&self.warehouse, location).await;
            versions.push(Arc::new(version.map_err(CatalogError::of_warehouse)?));
        }
        Ok(versions)
    }

    /// Forgets keys that were first used before `before_ms`, Unix milliseconds.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn forget_keys(&self, before_ms: i64) -> Result<()> {
        self.ledger
            .write(move |transaction| Ok(idempotency::forget_before(transaction, before_ms).map(drop)?))
            .await
    }
}
